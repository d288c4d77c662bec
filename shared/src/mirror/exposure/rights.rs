//! The statements that give rights and take them. Each does what is missing and is harmless where nothing is.

use std::collections::BTreeMap;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::{EXPOSING, HIDING, POLICY, PUBLICATION, ROLE, Relation};
use crate::error::Result;
use crate::mirror::database::Doing;

const TAKING: &str = "taking rights back";

/// What a role has beyond reading what is open, in the words of `revoke`, and who gave it. Sequences are in
/// it: to take a number from one is to write.
const BEYOND: &str = "
    select format('%I', relation.relname)::text,
           case relation.relkind when 'S' then 'sequence' else 'table' end,
           lower(owned.privilege_type),
           array_agg(distinct format('%I', pg_get_userbyid(owned.grantor))::text)
    from pg_class relation
    cross join lateral aclexplode(relation.relacl) owned
    where relation.relnamespace = to_regnamespace('odoo')
      and relation.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and owned.grantee = (select oid from pg_roles where rolname = $1)
      and (relation.relkind = 'S' or owned.privilege_type <> 'SELECT'
           or relation.relname <> all($2::text[]))
    group by 1, 2, 3";

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

/// Rights beyond reading what is open, a sentence each.
#[derive(Debug, Default)]
pub(super) struct TakenBack {
    /// What the role had and no longer has.
    pub(super) gone: Vec<String>,
    /// What it has all the same: Postgres lets only who gave a right take it back.
    pub(super) left: Vec<String>,
}

/// Takes from the role what it has beyond reading these.
pub(super) async fn take_back(transaction: &Transaction<'_>, open: &[String]) -> Result<TakenBack> {
    let before = beyond(transaction, open).await?;
    for (relation, rights) in &before {
        let Revoked { name, kind } = relation;
        let rights: Vec<&str> = rights.keys().map(String::as_str).collect();
        let rights = rights.join(", ");
        let revoke = format!("revoke {rights} on {kind} odoo.{name} from {ROLE}");
        transaction.batch_execute(&revoke).await.doing(TAKING)?;
    }
    let after = beyond(transaction, open).await?;
    let mut taken_back = TakenBack::default();
    for (relation, mut rights) in before {
        let name = &relation.name;
        for (right, grantors) in after.get(&relation).into_iter().flatten() {
            rights.remove(right);
            let grantors = grantors.join(", ");
            let left = format!("{right} on {name}, granted by {grantors}");
            taken_back.left.push(left);
        }
        if !rights.is_empty() {
            let rights: Vec<String> = rights.into_keys().collect();
            let gone = format!("{} on {name}", rights.join(", "));
            taken_back.gone.push(gone);
        }
    }
    Ok(taken_back)
}

/// A table, view or sequence, as it stands in `revoke`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Revoked {
    name: String,
    kind: String,
}

/// The rights of [`BEYOND`], each with who gave it.
type Rights = BTreeMap<String, Vec<String>>;

async fn beyond(
    transaction: &Transaction<'_>,
    open: &[String],
) -> Result<BTreeMap<Revoked, Rights>> {
    let rows = transaction
        .query_typed(BEYOND, &[(&ROLE, Type::TEXT), (&open, Type::TEXT_ARRAY)])
        .await
        .doing(TAKING)?;
    let mut found: BTreeMap<Revoked, Rights> = BTreeMap::new();
    for row in rows {
        let relation = Revoked {
            name: row.try_get(0).doing(TAKING)?,
            kind: row.try_get(1).doing(TAKING)?,
        };
        let right = row.try_get(2).doing(TAKING)?;
        let grantors = row.try_get(3).doing(TAKING)?;
        found.entry(relation).or_default().insert(right, grantors);
    }
    Ok(found)
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
