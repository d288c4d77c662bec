-- Pickings and stock moves (Odoo: stock.picking, stock.move).

create table if not exists odoo.transfers (
    odoo_id bigint primary key,
    name text,
    state text,
    origin text,
    partner_id bigint,
    operation_type_id bigint,
    source_location_id bigint,
    destination_location_id bigint,
    scheduled_date timestamptz,
    date_done timestamptz,
    backorder_id bigint,
    company_id bigint,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists transfers_by_operation_type on odoo.transfers (operation_type_id);
create index if not exists transfers_by_backorder on odoo.transfers (backorder_id);

create table if not exists odoo.stock_moves (
    odoo_id bigint primary key,
    reference text,
    state text,
    transfer_id bigint,
    product_id bigint,
    demand_quantity numeric,
    product_quantity numeric,
    done_quantity numeric,
    is_scrap boolean,
    uom_id bigint,
    price_unit numeric,
    source_location_id bigint,
    destination_location_id bigint,
    date timestamptz,
    origin text,
    origin_returned_move_id bigint,
    purchase_line_id bigint,
    sale_line_id bigint,
    operation_type_id bigint,
    company_id bigint,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

comment on column odoo.stock_moves.product_quantity is 'The demand in the product''s own unit';
comment on column odoo.stock_moves.done_quantity is
    'In the move''s unit; from Odoo 17 on what is reserved, until the move is done';
comment on column odoo.stock_moves.odoo_related_at is
    'Newest change time of the move''s lines, where the quantity done is computed from them (until Odoo 16)';

create index if not exists stock_moves_by_transfer on odoo.stock_moves (transfer_id);
create index if not exists stock_moves_by_product on odoo.stock_moves (product_id);
create index if not exists stock_moves_by_date on odoo.stock_moves (date);
create index if not exists stock_moves_by_purchase_line on odoo.stock_moves (purchase_line_id);
create index if not exists stock_moves_by_sale_line on odoo.stock_moves (sale_line_id);

alter table odoo.transfers enable row level security;
alter table odoo.stock_moves enable row level security;
