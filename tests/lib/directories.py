"""Profiles of senders by which other people's directories of services are read."""

OHANA = """
senders:
  ohana:
    title: An older directory
    feeds:
      providers:
        tables:
          locations:
            file: locations.csv
            columns: {id: id, organization_id: organization_id, location_type: virtual}
            codes: {location_type: {"true": virtual, "TRUE": virtual, "false": physical}}
          services:
            file: services.csv
            columns: {eligibility_description: eligibility, fees_description: fees, url: website}
            look_ups:
              organization_id: {by: location_id, table: locations, column: organization_id}
          service_at_location:
            file: services.csv
            columns: {id: [location_id, id], service_id: id}
          addresses:
            file: addresses.csv
            constants: {address_type: physical}
          phones:
            file: phones.csv
            columns: {type: number_type}
          contacts: {file: contacts.csv}
          schedules:
            file: regular_schedules.csv
            columns: {byday: weekday}
            constants: {freq: WEEKLY}
          taxonomy_terms:
            file: taxonomy.csv
            columns: {id: taxonomy_id, code: taxonomy_id}
            constants: {description: "-"}
          accessibility:
            file: locations.csv
            columns: {id: id, location_id: id, description: accessibility}
          # Only one service carries terms, in one cell: a person sorted them all by hand.
          attributes:
            file: services.csv
            columns: {id: id, link_id: id, taxonomy_term_id: id}
            constants: {link_entity: service}
            codes:
              taxonomy_term_id:
                {"1": "108-07", "2": "110-01", "3": "108-07-07", "4": "111-02", "5": "107-02",
                 "6": "108-03-06", "7": "108-03-01", "8": "102-03", "9": "109-02-01",
                 "10": "109-02-01", "11": "109-02-01", "12": "109-03-10", "13": "109-02-01",
                 "14": "102-04", "15": "108-06-02", "16": "104-02", "17": "102-04",
                 "18": "106-02", "19": "106-06", "20": "108", "21": "108", "22": "111-03",
                 "23": "111-03"}
"""

FLORIDA = """
senders:
  florida:
    title: A directory of legal aid
    feeds:
      providers:
        tables:
          organizations:
            file: organizations.csv
            columns:
              id: organization_uuid
              name: organization_name
              email: organization_email
              website: organization_url
              description: organization_description
              legal_status: organization_legal_status
          locations:
            file: locations.csv
            columns: {id: location_uuid, organization_id: organization_uuid, name: location_name,
                      url: location_url}
          services:
            file: services.csv
            columns:
              id: service_uuid
              organization_id: organization_uuid
              name: service_name
              description: service_description
              url: service_url
              email: service_email
              minimum_age: service_min_age
              maximum_age: service_max_age
              eligibility_description: service_additional_information
            constants: {status: active}
          # Its programs are names of its own; all of it is legal aid.
          taxonomy_terms:
            file: organizations.csv
            constants: {id: legal-aid, name: Advocacy & Legal Aid}
          attributes:
            file: services.csv
            columns: {id: service_uuid, link_id: service_uuid}
            constants: {link_entity: service, taxonomy_term_id: legal-aid}
"""

PANTRIES = """
senders:
  pantries:
    title: Food pantries, scraped
    feeds:
      providers:
        files: ["*.jsonl"]
        tables:
          organizations:
            each: raw
            columns: &organization
              id: [hash, raw.id]
              name: raw.name
              description: raw.description
            leave_out: {raw.name: ["Sample *", "Test *"]}
          locations:
            each: raw.locations[]
            columns:
              id: [hash, "raw.locations[].id"]
              organization_id: [hash, raw.id]
          services:
            each: raw.services[]
            columns:
              id: [hash, "raw.services[].id"]
              organization_id: [hash, raw.id]
              program_id: [hash, "raw.services[].program_id"]
          addresses:
            each: raw.locations[].addresss|addresses|address[]
            columns:
              id: [hash, "raw.locations[].addresss|addresses|address[].id"]
              location_id: [hash, "raw.locations[].id"]
          schedules:
            each: raw.services[].schedules[]
            columns:
              id: [hash, "raw.services[].id", "raw.services[].schedules[]#"]
              service_id: [hash, "raw.services[].id"]
          taxonomy_terms:
            each: raw.services[]
            columns:
              id: raw.services[].name
              name: raw.services[].name
              description: raw.services[].name
          attributes:
            each: raw.services[]
            columns:
              id: [hash, "raw.services[].id"]
              link_id: [hash, "raw.services[].id"]
              taxonomy_term_id: raw.services[].name
            constants: {link_entity: service}
"""
