//! What of schema `odoo` is open to whom, asked of the database itself.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};

use super::{POLICY, PUBLICATION, ROLE};
use crate::error::Result;
use crate::mirror::database::Doing;
use crate::specs::REGISTRY;

const DOING: &str = "looking what of schema odoo is exposed";

/// The views `uses` lead to what a view asks for with its reader's own rights, by way of other views
/// too. A policy applies to a role by name or, as the role 0, to everybody.
const RELATIONS: &str = "
    with recursive role as (
        select oid from pg_roles where rolname = $2
    ), uses (view, used) as (
        select rule.ev_class, dependency.refobjid
        from pg_rewrite rule
        join pg_depend dependency
          on dependency.classid = 'pg_rewrite'::regclass and dependency.objid = rule.oid
         and dependency.refclassid = 'pg_class'::regclass
        where dependency.refobjid <> rule.ev_class
    ), needs (view, used) as (
        select view, used from uses
        union
        select needs.view, uses.used from needs join uses on uses.view = needs.used
    )
    select relation.relname::text,
           relation.relkind = 'v',
           relation.relkind = 'v' or relation.relname = any($1),
           coalesce(has_table_privilege((select oid from role), relation.oid, 'select'), false),
           exists (
               select from pg_policy
               where polrelid = relation.oid and polname = $3),
           exists (
               select from pg_policy
               where polrelid = relation.oid and polname <> $3 and polpermissive
                 and polcmd in ('r', '*')
                 and (polroles @> array[0::oid] or polroles @> array(select oid from role))),
           exists (
               select from pg_publication_tables
               where pubname = $4 and schemaname = 'odoo' and tablename = relation.relname),
           array(
               select distinct used.relname::text
               from needs join pg_class used on used.oid = needs.used
               where needs.view = relation.oid
                 and used.relnamespace = relation.relnamespace
               order by 1)
    from pg_class relation
    where relation.relnamespace = to_regnamespace('odoo')
      and relation.relkind in ('r', 'p', 'v', 'm', 'f')
    order by 1";

const SURROUNDINGS: &str = "
    select exists (select from pg_roles where rolname = $1),
           exists (select from pg_publication where pubname = $2),
           coalesce(has_schema_privilege(
               (select oid from pg_roles where rolname = $1), to_regnamespace('odoo'), 'usage'), false)";

/// What there is to expose, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether the role `authenticated` exists: it does on Supabase.
    pub has_role: bool,
    /// Whether the publication `supabase_realtime` exists.
    pub has_publication: bool,
    /// Whether that role may use the schema at all.
    pub is_open: bool,
    /// Tables and views of the schema, by name.
    pub(super) relations: Vec<Relation>,
}

/// A table or view of schema `odoo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub is_view: bool,
    /// Whether it shows Odoo's rows, and is none that the sync keeps for itself.
    pub is_mirror: bool,
    /// Whether `authenticated` may select from it, the schema and its policies aside.
    pub is_granted: bool,
    /// Whether it has the policy by which it is exposed here.
    pub has_policy: bool,
    /// Whether it has another policy that lets `authenticated` see rows.
    pub has_other_policy: bool,
    /// Whether its changes are published to Realtime.
    pub is_published: bool,
    /// What a view asks for in the schema, with its reader's own rights.
    pub needs: Vec<String>,
}

impl Relation {
    /// Whether rows of it may be read, where the schema is open.
    pub fn is_exposed(&self) -> bool {
        self.is_granted && (self.is_view || self.has_policy || self.has_other_policy)
    }
}

impl State {
    pub(super) async fn read(transaction: &Transaction<'_>) -> Result<Self> {
        let tables: Vec<&str> = REGISTRY
            .iter()
            .flat_map(|spec| spec.streams)
            .map(|stream| stream.name)
            .collect();
        let around = transaction
            .query_typed_one(
                SURROUNDINGS,
                &[(&ROLE, Type::TEXT), (&PUBLICATION, Type::TEXT)],
            )
            .await
            .doing(DOING)?;
        let rows = transaction
            .query_typed(
                RELATIONS,
                &[
                    (&tables, Type::TEXT_ARRAY),
                    (&ROLE, Type::TEXT),
                    (&POLICY, Type::TEXT),
                    (&PUBLICATION, Type::TEXT),
                ],
            )
            .await
            .doing(DOING)?;
        let relations: std::result::Result<_, tokio_postgres::Error> =
            rows.iter().map(relation).collect();
        Ok(Self {
            has_role: around.try_get(0).doing(DOING)?,
            has_publication: around.try_get(1).doing(DOING)?,
            is_open: around.try_get(2).doing(DOING)?,
            relations: relations.doing(DOING)?,
        })
    }

    /// What may be exposed, by name.
    pub fn mirror(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| relation.is_mirror)
    }

    /// What may be exposed and is, by name.
    pub fn exposed(&self) -> impl Iterator<Item = &Relation> {
        let is_open = self.is_open;
        self.mirror()
            .filter(move |relation| is_open && relation.is_exposed())
    }

    /// The views that are exposed, though something that they need is not: to read them fails.
    pub fn broken_views(&self) -> impl Iterator<Item = (&Relation, Vec<&str>)> {
        self.exposed().filter_map(|view| {
            let hidden = self.hidden(&view.needs);
            (!hidden.is_empty()).then_some((view, hidden))
        })
    }

    /// Those of these names that are not exposed.
    pub(super) fn hidden<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        names
            .iter()
            .map(String::as_str)
            .filter(|name| !self.exposed().any(|relation| relation.name == *name))
            .collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Relation> {
        self.mirror().find(|relation| relation.name == name)
    }

    /// What anybody has opened in the schema, other tables than the mirror's among it.
    pub(super) fn opened(&self) -> Vec<String> {
        self.relations
            .iter()
            .filter(|relation| self.is_open && relation.is_exposed())
            .map(|relation| relation.name.clone())
            .collect()
    }
}

fn relation(row: &Row) -> std::result::Result<Relation, tokio_postgres::Error> {
    Ok(Relation {
        name: row.try_get(0)?,
        is_view: row.try_get(1)?,
        is_mirror: row.try_get(2)?,
        is_granted: row.try_get(3)?,
        has_policy: row.try_get(4)?,
        has_other_policy: row.try_get(5)?,
        is_published: row.try_get(6)?,
        needs: row.try_get(7)?,
    })
}
