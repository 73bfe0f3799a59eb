{{ config(materialized='incremental', incremental_strategy='append') }}
select * from {{ ref('numbers') }} where kind = 3
