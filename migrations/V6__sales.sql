-- Sale orders and their lines (Odoo: sale.order, sale.order.line).

create table if not exists odoo.sale_orders (
    odoo_id bigint primary key,
    name text,
    state text,
    partner_id bigint,
    client_order_ref text,
    origin text,
    date_order timestamptz,
    commitment_date timestamptz,
    warehouse_id bigint,
    currency_id bigint,
    company_id bigint,
    amount_untaxed numeric,
    amount_tax numeric,
    amount_total numeric,
    invoice_status text,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists sale_orders_by_date on odoo.sale_orders (date_order);
create index if not exists sale_orders_by_partner on odoo.sale_orders (partner_id);

create table if not exists odoo.sale_order_lines (
    odoo_id bigint primary key,
    order_id bigint,
    product_id bigint,
    name text,
    display_type text,
    quantity numeric,
    qty_delivered numeric,
    qty_invoiced numeric,
    uom_id bigint,
    price_unit numeric,
    discount numeric,
    price_subtotal numeric,
    price_tax numeric,
    price_total numeric,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists sale_order_lines_by_order on odoo.sale_order_lines (order_id);
create index if not exists sale_order_lines_by_product on odoo.sale_order_lines (product_id);

alter table odoo.sale_orders enable row level security;
alter table odoo.sale_order_lines enable row level security;
