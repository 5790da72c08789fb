with recursive

-- A child has one standing with a service: that of its first need that asks there. So
-- two needs of a child share a place, and none loses it when the other need moves on.
choices as (

    select
        need_id,
        student_key,
        service_id,
        need_number,
        choice_number,
        place_count,
        min(need_number) over (partition by service_id, student_key) as standing

    from {{ ref('int_service_choices_ranked') }}

    where is_asking

),

-- Each need asks for its first choice. A service keeps those of the best standing, as
-- many as it has places; who is turned away asks for the next choice in the next round.
-- Who holds a place can only lose it to a better standing, so the rounds come to an
-- end, and the end is the same in whatever order one asks.
rounds as (

    select
        need_number,
        1 as choice_number,
        0 as round_number

    from choices

    where choice_number = 1

    union all

    select
        answered.need_number,
        answered.choice_number + cast(answered.is_turned_away as integer)
            as choice_number,
        answered.round_number + 1 as round_number

    from (
        select
            asked.*,
            bool_or(asked.is_turned_away) over () as is_anybody_turned_away

        from (
            select
                rounds.need_number,
                rounds.choice_number,
                rounds.round_number,
                coalesce(
                    dense_rank() over (
                        partition by choices.service_id order by choices.standing
                    ) > choices.place_count,
                    false
                ) as is_turned_away

            from rounds

            inner join choices
                on
                    rounds.need_number = choices.need_number
                    and rounds.choice_number = choices.choice_number
        ) as asked
    ) as answered

    where answered.is_anybody_turned_away

),

-- A need stands in every round: its last choice is the furthest.
last_choices as (

    select
        need_number,
        max(choice_number) as choice_number

    from rounds

    group by need_number

),

outcomes as (

    select
        choices.need_id,
        choices.student_key,
        choices.service_id,
        choices.choice_number,
        choices.place_count,
        choices.standing,
        case
            when choices.choice_number > last_choices.choice_number then 'not_needed'
            when choices.choice_number < last_choices.choice_number then 'waiting'
            when choices.place_count is null then 'ask'
            else 'place'
        end as place_outcome

    from choices

    inner join last_choices
        on choices.need_number = last_choices.need_number

),

final as (

    select
        need_id,
        student_key,
        service_id,
        choice_number,
        standing,
        place_count,
        place_outcome,
        cast(
            case
                when place_outcome in ('place', 'waiting')
                    then dense_rank() over (
                        partition by service_id, place_outcome order by standing
                    )
            end as integer
        ) as line_number

    from outcomes

)

select * from final
