-- Purchase orders and their lines (Odoo: purchase.order, purchase.order.line).

create table if not exists odoo.purchase_orders (
    odoo_id bigint primary key,
    name text,
    state text,
    partner_id bigint,
    partner_ref text,
    origin text,
    date_order timestamptz,
    date_approve timestamptz,
    date_planned timestamptz,
    operation_type_id bigint,
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

create index if not exists purchase_orders_by_date on odoo.purchase_orders (date_order);
create index if not exists purchase_orders_by_partner on odoo.purchase_orders (partner_id);

create table if not exists odoo.purchase_order_lines (
    odoo_id bigint primary key,
    order_id bigint,
    product_id bigint,
    name text,
    display_type text,
    quantity numeric,
    qty_received numeric,
    qty_invoiced numeric,
    uom_id bigint,
    price_unit numeric,
    price_subtotal numeric,
    price_tax numeric,
    price_total numeric,
    date_planned timestamptz,
    extra jsonb not null default '{}',
    odoo_created_at timestamptz,
    odoo_updated_at timestamptz,
    odoo_related_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create index if not exists purchase_order_lines_by_order on odoo.purchase_order_lines (order_id);
create index if not exists purchase_order_lines_by_product on odoo.purchase_order_lines (product_id);

alter table odoo.purchase_orders enable row level security;
alter table odoo.purchase_order_lines enable row level security;
