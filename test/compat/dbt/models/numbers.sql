{{ config(materialized='table') }}
select i as id, i % 7 as kind from range(1000) t(i)
