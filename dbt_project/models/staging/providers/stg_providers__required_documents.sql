with

source as (

    select * from {{ source('raw', 'providers__required_documents') }}

),

final as (

    select
        id as required_document_id,
        service_id,
        document as document_text

    from source

    where _deleted_at is null

)

select * from final
