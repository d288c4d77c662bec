//! What both protocols share: a call, who makes it, and carrying it out.

pub(crate) mod access;
mod arguments;
mod fields_get;
pub(crate) mod json2;
pub(crate) mod jsonrpc;
mod methods;

use serde_json::{Map, Value as Json};

pub(crate) use access::User;

use crate::error::OdooError;
use crate::pyjson::PyJson;
use crate::seed::LANGUAGES;
use crate::sim::State;
use crate::store::{Env, SOURCE_LANG};
use crate::value::truthy;

/// One call of a model's method.
pub(crate) struct Call {
    pub(crate) model: String,
    pub(crate) method: String,
    /// Ids that came by name, as JSON-2 sends them; JSON-RPC's are the first of `args`.
    pub(crate) named_ids: Option<Json>,
    pub(crate) args: Vec<Json>,
    pub(crate) kwargs: Map<String, Json>,
}

impl Call {
    /// The request's context: it travels as a keyword argument of any method.
    fn take_context(&mut self) -> Map<String, Json> {
        match self.kwargs.remove("context") {
            Some(Json::Object(context)) => context,
            _ => Map::new(),
        }
    }
}

/// Carries the call out and appends its result to `out`.
pub(crate) fn execute(
    state: &State,
    user: &User,
    mut call: Call,
    out: &mut PyJson,
) -> Result<(), OdooError> {
    let context = call.take_context();
    let env = env(state, user, &context)?;
    if methods::changes_records(&call.method) {
        let mut world = state.write_world();
        methods::change(&mut world, user, call, &env, out)
    } else {
        let world = state.read_world();
        methods::query(&world, user, call, &env, out)
    }
}

fn env(state: &State, user: &User, context: &Map<String, Json>) -> Result<Env, OdooError> {
    let lang = language(state, context)?;
    let companies = match context.get("allowed_company_ids") {
        Some(Json::Array(ids)) if !ids.is_empty() => {
            let ids: Vec<i64> = ids.iter().filter_map(Json::as_i64).collect();
            if ids.iter().any(|id| !user.companies.contains(id)) {
                return Err(OdooError::access(
                    "Access to unauthorized or invalid companies.",
                ));
            }
            ids
        }
        _ => user.companies.clone(),
    };
    Ok(Env {
        uid: user.id,
        lang,
        companies,
        active_test: context.get("active_test").is_none_or(truthy),
        now: state.clock.now_micros(),
        sudo: false,
    })
}

/// The context's language, where it is another than the source's. One that is not installed is an
/// error from 16 on, and before that the source's names are sent.
fn language(state: &State, context: &Map<String, Json>) -> Result<Option<String>, OdooError> {
    let Some(lang) = context.get("lang").and_then(Json::as_str) else {
        return Ok(None);
    };
    if lang == SOURCE_LANG {
        return Ok(None);
    }
    if !LANGUAGES.contains(&lang) && state.version.behaviour().refuses_unknown_language {
        return Err(OdooError::user(format!("Invalid language code: {lang}")));
    }
    Ok(Some(lang.to_owned()))
}
