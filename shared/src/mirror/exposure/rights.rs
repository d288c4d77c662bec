//! The statements that give rights and take them. Each does what is missing and is harmless where nothing is.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::{EXPOSING, HIDING, POLICY, PUBLICATION, ROLE, Relation};
use crate::error::Result;
use crate::mirror::database::Doing;

/// What a role has beyond reading what is open, in the words of `revoke`. Sequences are in it: to
/// take a number from one is to write.
const BEYOND: &str = "
    select format('%I', relation.relname)::text,
           case relation.relkind when 'S' then 'sequence' else 'table' end,
           string_agg(distinct lower(owned.privilege_type), ', ' order by lower(owned.privilege_type))
    from pg_class relation
    cross join lateral aclexplode(relation.relacl) owned
    where relation.relnamespace = to_regnamespace('odoo')
      and relation.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and owned.grantee = (select oid from pg_roles where rolname = $1)
      and (relation.relkind = 'S' or owned.privilege_type <> 'SELECT'
           or relation.relname <> all($2::text[]))
    group by 1, 2
    order by 1";

/// Whether a role may read anything here, or columns of it.
const READERS: &str = "
    select exists (
        select from pg_class relation
        where relation.relnamespace = to_regnamespace('odoo')
          and relation.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_any_column_privilege(
              (select oid from pg_roles where rolname = $1), relation.oid, 'select'))";

/// Lets the role use the schema.
pub(super) async fn open_schema(transaction: &Transaction<'_>) -> Result<()> {
    let grant = format!("grant usage on schema odoo to {ROLE}");
    transaction.batch_execute(&grant).await.doing(EXPOSING)
}

/// Lets the role read a table or view. Where somebody has made a policy that shows it rows, that one decides
/// which, and none is added: policies add up, and this one shows all.
pub(super) async fn open(
    transaction: &Transaction<'_>,
    relation: &Relation,
    publish: bool,
) -> Result<()> {
    let table = qualified(relation);
    let mut statements = vec![format!("grant select on {table} to {ROLE}")];
    if !relation.is_view && !relation.has_policy && !relation.has_other_policy {
        statements.push(format!(
            "create policy {POLICY} on {table} for select to {ROLE} using (true)"
        ));
    }
    if !relation.is_view && publish && !relation.is_published {
        statements.push(format!("alter publication {PUBLICATION} add table {table}"));
    }
    transaction
        .batch_execute(&statements.join("; "))
        .await
        .doing(EXPOSING)
}

/// Takes back what [`open`] gives.
pub(super) async fn close(transaction: &Transaction<'_>, relation: &Relation) -> Result<()> {
    let table = qualified(relation);
    let mut statements = vec![format!("revoke select on {table} from {ROLE}")];
    if relation.has_policy {
        statements.push(format!("drop policy {POLICY} on {table}"));
    }
    if relation.is_published && is_member(transaction, relation).await? {
        statements.push(format!(
            "alter publication {PUBLICATION} drop table {table}"
        ));
    }
    transaction
        .batch_execute(&statements.join("; "))
        .await
        .doing(HIDING)
}

/// Closes the schema to the role, where nothing is left in it for the role to read.
pub(super) async fn close_schema_without_readers(transaction: &Transaction<'_>) -> Result<()> {
    let is_read: bool = transaction
        .query_typed_one(READERS, &[(&ROLE, Type::TEXT)])
        .await
        .doing(HIDING)?
        .try_get(0)
        .doing(HIDING)?;
    if is_read {
        return Ok(());
    }
    let revoke = format!("revoke usage on schema odoo from {ROLE}");
    transaction.batch_execute(&revoke).await.doing(HIDING)
}

/// Takes from the role what it has beyond reading these. Returns what that was, a sentence each.
pub(super) async fn take_back(
    transaction: &Transaction<'_>,
    open: &[String],
) -> Result<Vec<String>> {
    let doing = "taking rights back";
    let rows = transaction
        .query_typed(BEYOND, &[(&ROLE, Type::TEXT), (&open, Type::TEXT_ARRAY)])
        .await
        .doing(doing)?;
    let mut taken_back = Vec::new();
    for row in rows {
        let name: &str = row.try_get(0).doing(doing)?;
        let kind: &str = row.try_get(1).doing(doing)?;
        let rights: &str = row.try_get(2).doing(doing)?;
        let revoke = format!("revoke {rights} on {kind} odoo.{name} from {ROLE}");
        transaction.batch_execute(&revoke).await.doing(doing)?;
        taken_back.push(format!("{rights} on {name}"));
    }
    Ok(taken_back)
}

/// A publication may have a table through its schema, or have all of them: then it is nobody's member.
async fn is_member(transaction: &Transaction<'_>, relation: &Relation) -> Result<bool> {
    transaction
        .query_typed_one(
            "select exists (
                 select from pg_publication_rel
                 where prpubid = (select oid from pg_publication where pubname = $1)
                   and prrelid = to_regclass($2))",
            &[
                (&PUBLICATION, Type::TEXT),
                (&qualified(relation), Type::TEXT),
            ],
        )
        .await
        .doing(HIDING)?
        .try_get(0)
        .doing(HIDING)
}

fn qualified(relation: &Relation) -> String {
    format!("odoo.\"{}\"", relation.name.replace('"', "\"\""))
}
