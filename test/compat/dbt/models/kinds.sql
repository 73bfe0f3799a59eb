{{ config(materialized='view') }}
select kind, count(*) as times from {{ ref('numbers') }} group by kind
