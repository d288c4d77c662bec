-- Columns that are empty in most rows: an index that leaves those out is written to less often. On
-- 200,000 moves without order lines, their two indexes were a sixth of the time of a copy.
drop index if exists odoo.products_by_barcode;
create index products_by_barcode on odoo.products (barcode) where barcode is not null;

drop index if exists odoo.transfers_by_backorder;
create index transfers_by_backorder on odoo.transfers (backorder_id) where backorder_id is not null;

drop index if exists odoo.stock_moves_by_purchase_line;
create index stock_moves_by_purchase_line on odoo.stock_moves (purchase_line_id)
    where purchase_line_id is not null;

drop index if exists odoo.stock_moves_by_sale_line;
create index stock_moves_by_sale_line on odoo.stock_moves (sale_line_id)
    where sale_line_id is not null;
