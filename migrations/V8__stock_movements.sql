-- Done stock moves as signed movements per warehouse and product. Summed over those they
-- are what Odoo calls the quantity on hand, for the products that Odoo keeps stock of
-- (`is_storable`): it counts nothing for the others, whose movements are here all the same.
--
-- A location belongs to the nearest warehouse whose view location it is or lies below, if
-- stock can lie in it (usage `internal`); each end of a move in a warehouse is a movement,
-- unless the other end is in the same warehouse.
--
-- Archived warehouses and locations count like others: what moved there has moved. A
-- warehouse that Odoo no longer has owns nothing, as in Odoo, where its locations outlive
-- it. A deleted location is still known for what it was: Odoo deletes none that a move
-- refers to, so a move that is left shows that the location is only hidden from us.
create or replace view odoo.stock_movements with (security_invoker = true) as
with recursive roots as (
    select view_location_id as location_id, min(odoo_id) as warehouse_id
    from odoo.warehouses
    where deleted_at is null and view_location_id is not null
    group by view_location_id
),
-- From the view locations down. It stops at the next warehouse's, so that the nearest
-- wins. A loop of parents cannot hold it: one without a view location is never entered,
-- one with a view location ends there; and `union` drops what is there already.
inside as (
    select location_id, warehouse_id from roots
    union
    select l.odoo_id, i.warehouse_id
    from inside i
    join odoo.locations l on l.parent_id = i.location_id
    where not exists (select from roots r where r.location_id = l.odoo_id)
),
-- One row a location as it is; grouped, the planner knows how few they are. Guessing a
-- recursion's rows, it would sort all moves on disk instead of hashing the locations.
places as (
    select l.odoo_id, l.usage, min(i.warehouse_id) as warehouse_id
    from odoo.locations l
    left join inside i on i.location_id = l.odoo_id and l.usage = 'internal'
    group by l.odoo_id, l.usage
)
select
    m.odoo_id as stock_move_id,
    case side.counterpart
        when 'supplier' then case side.sign when 1 then 'purchase' else 'purchase_return' end
        when 'customer' then case side.sign when 1 then 'sale_return' else 'sale' end
        when 'inventory' then case when m.is_scrap then 'wastage' else 'adjustment' end
        when 'production' then
            case side.sign when 1 then 'manufacturing_in' else 'manufacturing_out' end
        else case side.sign when 1 then 'transfer_in' else 'transfer_out' end
    end as movement_type,
    side.warehouse_id,
    m.product_id,
    -- Odoo's floats bring noise along (0.8300000000000001), which six digits hide. What is
    -- lost in Odoo's move already cannot be found here: five units, done of a move that is
    -- counted in dozens, are 0.42 of them in the move, and 5.04 units again.
    side.sign * trim_scale(round(
        case
            -- Odoo's own conversion. A move that is done asked for as much, as a rule.
            when round(m.done_quantity, 6) = round(m.demand_quantity, 6)
                then m.product_quantity
            when m.uom_id = p.uom_id then m.done_quantity
            -- Odoo rounds what it converts, half away from zero, to as many digits as the
            -- shop has chosen: two, unless the move's other quantities show more. The
            -- first rounding is for factors such as 11.999999999999998 (until 16).
            when move_unit.factor <> 0 and product_unit.factor <> 0 then round(
                round(m.done_quantity * move_unit.factor / product_unit.factor, 9),
                greatest(
                    2,
                    min_scale(round(m.product_quantity, 6)),
                    min_scale(round(m.done_quantity, 6))
                )
            )
            -- No such units here (yet): as Odoo converted the demand.
            else m.done_quantity * m.product_quantity / nullif(m.demand_quantity, 0)
        end,
        6
    )) as quantity,
    m.date,
    m.reference,
    m.transfer_id,
    m.purchase_line_id,
    m.sale_line_id
from odoo.stock_moves m
left join places source on source.odoo_id = m.source_location_id
left join places destination on destination.odoo_id = m.destination_location_id
cross join lateral (
    values
        (source.warehouse_id, destination.usage, -1),
        (destination.warehouse_id, source.usage, 1)
) as side (warehouse_id, counterpart, sign)
left join odoo.products p on p.odoo_id = m.product_id
left join odoo.uoms move_unit on move_unit.odoo_id = m.uom_id
left join odoo.uoms product_unit on product_unit.odoo_id = p.uom_id
where m.state = 'done'
    and m.deleted_at is null
    and side.warehouse_id is not null
    and source.warehouse_id is distinct from destination.warehouse_id;

comment on view odoo.stock_movements is
    'Done stock moves, signed, per warehouse; one row a move, movement type and warehouse';
comment on column odoo.stock_movements.quantity is
    'In the product''s own unit; negative where it left the warehouse';
