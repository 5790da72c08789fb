with

services as (

    select * from {{ ref('dim_services') }}

),

service_capacity as (

    select * from {{ ref('stg_providers__service_capacity') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

counts as (

    select
        service_id,
        cast(sum(maximum_count) as integer) as maximum_count,
        min(counted_date) as counted_date

    from service_capacity

    group by service_id

),

-- Who was referred after the provider counted is not in the provider's count yet. Who
-- has left holds no place.
promised_places as (

    select
        counts.service_id,
        count(distinct referrals.student_key) as promised_count

    from counts

    inner join referrals
        on
            counts.service_id = referrals.service_id
            and counts.counted_date < referrals.requested_date

    inner join placed_students
        on referrals.student_key = placed_students.student_key

    where referrals.is_open

    group by counts.service_id

),

numbered_services as (

    select
        service_id,
        free_place_count,
        cast(
            row_number() over (
                order by service_name collate "C" asc, service_id collate "C" asc
            ) as integer
        ) as service_number

    from services

),

-- No count is not nought: how many may come is then not known.
final as (

    select
        numbered_services.service_id,
        counts.maximum_count,
        numbered_services.free_place_count,
        cast(coalesce(promised_places.promised_count, 0) as integer) as promised_count,
        counts.counted_date,
        numbered_services.service_number,
        case
            when numbered_services.free_place_count is not null
                then greatest(
                    numbered_services.free_place_count
                    - cast(coalesce(promised_places.promised_count, 0) as integer),
                    0
                )
        end as place_count

    from numbered_services

    left join counts
        on numbered_services.service_id = counts.service_id

    left join promised_places
        on numbered_services.service_id = promised_places.service_id

)

select * from final
