//! The methods that can be called, with each version's parameters as its servers take them.

use serde_json::{Map, Value as Json, json};

use super::arguments::{Arguments, ids};
use super::{Call, User, access, fields_get};
use crate::error::OdooError;
use crate::pyjson::PyJson;
use crate::store::model::Model;
use crate::store::{Env, SOURCE_LANG, World};

/// A method's signature. `on_records`: the ids it is called on come before its arguments.
struct Signature {
    name: &'static str,
    on_records: bool,
    parameters: &'static [&'static str],
    since: u8,
    until: u8,
}

const fn all(
    name: &'static str,
    on_records: bool,
    parameters: &'static [&'static str],
) -> Signature {
    Signature {
        name,
        on_records,
        parameters,
        since: 0,
        until: u8::MAX,
    }
}

/// After `models.py` (14) and `orm/models.py` (19).
static SIGNATURES: &[Signature] = &[
    Signature {
        until: 16,
        ..all(
            "search",
            false,
            &["args", "offset", "limit", "order", "count"],
        )
    },
    Signature {
        since: 17,
        ..all("search", false, &["domain", "offset", "limit", "order"])
    },
    Signature {
        until: 15,
        ..all("search_count", false, &["args"])
    },
    Signature {
        since: 16,
        ..all("search_count", false, &["domain", "limit"])
    },
    Signature {
        until: 14,
        ..all(
            "search_read",
            false,
            &["domain", "fields", "offset", "limit", "order"],
        )
    },
    // From 15 on the rest goes to `read`.
    Signature {
        since: 15,
        ..all(
            "search_read",
            false,
            &["domain", "fields", "offset", "limit", "order", "load"],
        )
    },
    all("read", true, &["fields", "load"]),
    all("fields_get", false, &["allfields", "attributes"]),
    all("create", false, &["vals_list"]),
    all("write", true, &["vals"]),
    all("unlink", true, &[]),
    Signature {
        until: 18,
        ..all("exists", true, &[])
    },
    all(
        "check_access_rights",
        false,
        &["operation", "raise_exception"],
    ),
    Signature {
        since: 18,
        ..all("has_access", true, &["operation"])
    },
    // Of `res.users` only.
    all(CONTEXT_GET, false, &[]),
];

/// Tells users about themselves: the cheapest question that only a valid key gets an answer to.
const CONTEXT_GET: &str = "context_get";

/// Whether the method needs the database for itself.
pub(super) fn changes_records(method: &str) -> bool {
    matches!(method, "create" | "write" | "unlink")
}

/// Whether the method is the model's own (`@api.model`), so that ids make no sense.
pub(super) fn takes_no_ids(method: &str) -> bool {
    SIGNATURES
        .iter()
        .any(|it| it.name == method && !it.on_records)
}

/// A call whose model and arguments are known to be good.
struct Bound<'a> {
    model: &'a Model,
    method: &'static str,
    ids: Vec<i64>,
    arguments: Arguments,
}

fn bind<'a>(world: &'a World, call: Call) -> Result<Bound<'a>, OdooError> {
    let Call {
        model: model_name,
        method,
        named_ids,
        mut args,
        kwargs,
    } = call;
    let model = world
        .model(&model_name)
        .ok_or_else(|| OdooError::user(format!("Object {model_name} doesn't exist")))?;
    let major = world.version.major();
    if method.starts_with('_') {
        return Err(private(major, &model_name, &method));
    }
    let signature = SIGNATURES
        .iter()
        .find(|it| it.name == method && it.since <= major && major <= it.until)
        .filter(|it| it.name != CONTEXT_GET || model_name == "res.users")
        .ok_or_else(|| unknown(major, &model_name, &method))?;
    let mut on = Vec::new();
    if signature.on_records {
        if let Some(named) = named_ids {
            on = ids(&named)?;
        } else if args.is_empty() {
            return Err(OdooError::index(match major {
                ..=16 => "tuple index out of range",
                _ => "list index out of range",
            }));
        } else {
            on = ids(&args.remove(0))?;
        }
    }
    let arguments = Arguments::bind(signature.name, signature.parameters, args, kwargs)?;
    Ok(Bound {
        model,
        method: signature.name,
        ids: on,
        arguments,
    })
}

fn private(major: u8, model: &str, method: &str) -> OdooError {
    OdooError::access(match major {
        ..=16 => format!("Private methods (such as {method}) cannot be called remotely."),
        _ => format!("Private methods (such as '{model}.{method}') cannot be called remotely."),
    })
}

/// A method that this version does not have, or no longer lets be called from outside.
fn unknown(major: u8, model: &str, method: &str) -> OdooError {
    let withdrawn = SIGNATURES
        .iter()
        .any(|it| it.name == method && it.until < major);
    match major {
        _ if withdrawn => private(major, model, method),
        ..=16 => OdooError::attribute(format!("type object '{model}' has no attribute '{method}'")),
        _ => OdooError::attribute(format!("The method '{model}.{method}' does not exist")),
    }
}

/// The methods that only look.
pub(super) fn query(
    world: &World,
    user: &User,
    call: Call,
    env: &Env,
    out: &mut PyJson,
) -> Result<(), OdooError> {
    let Bound {
        model,
        method,
        ids,
        arguments,
    } = bind(world, call)?;
    if !matches!(
        method,
        "check_access_rights" | "has_access" | "exists" | "fields_get" | CONTEXT_GET
    ) {
        access::check(world, user, model, "read")?;
    }
    match method {
        "search" => {
            let domain = arguments.get("args");
            let domain = if domain.is_null() {
                arguments.required("domain")?
            } else {
                domain
            };
            if arguments.flag("count", false) {
                out.int(world.search_count(model, domain, None, env)? as i64);
            } else {
                out.ids(&world.search(model, &arguments.search(domain), env)?);
            }
        }
        "search_count" => {
            let domain = arguments.get("args");
            let domain = if domain.is_null() {
                arguments.required("domain")?
            } else {
                domain
            };
            out.int(world.search_count(model, domain, arguments.limit(), env)? as i64);
        }
        "search_read" => {
            let fields = read_fields(model, &arguments)?;
            let search = arguments.search(arguments.get("domain"));
            let found = world.search(model, &search, env)?;
            world.read(out, model, &found, &fields, arguments.loads_names(), env)?;
        }
        "read" => {
            let fields = read_fields(model, &arguments)?;
            world.read(out, model, &ids, &fields, arguments.loads_names(), env)?;
        }
        "fields_get" => fields_get::write(world, model, &arguments, user, out),
        CONTEXT_GET => out.json(&user_context(world, user)),
        "exists" => {
            let table = &world.tables[model.index];
            let found: Vec<i64> = ids
                .into_iter()
                .filter(|&id| table.get(id).is_some())
                .collect();
            out.ids(&found);
        }
        _ => may(world, user, model, &ids, &arguments, method, env, out)?,
    }
    Ok(())
}

/// What the user's own calls would have as context.
fn user_context(world: &World, user: &User) -> Json {
    let mut context = json!({"lang": SOURCE_LANG, "tz": "Europe/Brussels"});
    if world.version.behaviour().tells_own_uid {
        context["uid"] = json!(user.id);
    }
    context
}

/// `check_access_rights` and `has_access`: the second also asks record rules.
#[expect(clippy::too_many_arguments, reason = "the pieces of one call")]
fn may(
    world: &World,
    user: &User,
    model: &Model,
    ids: &[i64],
    arguments: &Arguments,
    method: &str,
    env: &Env,
    out: &mut PyJson,
) -> Result<(), OdooError> {
    let operation = arguments
        .required("operation")?
        .as_str()
        .unwrap_or_default();
    let mut allowed = access::allowed(world, user, model, operation);
    if method == "has_access" {
        allowed = allowed && world.check_visible(model, ids, operation, env).is_ok();
    } else if arguments.flag("raise_exception", true) {
        access::check(world, user, model, operation)?;
        if world.version.behaviour().omits_empty_result {
            // It returns nothing any more unless it was asked not to raise.
            return Ok(());
        }
    }
    out.bool(allowed);
    Ok(())
}

/// The fields to read, `id` first, each once. None named means all.
fn read_fields(model: &Model, arguments: &Arguments) -> Result<Vec<usize>, OdooError> {
    let mut fields = vec![0];
    let Some(names) = arguments.texts("fields") else {
        fields.extend((1..model.fields.len()).filter(|&at| !model.fields[at].hidden));
        return Ok(fields);
    };
    for name in names {
        let index = model.shown_field(name).ok_or_else(|| {
            OdooError::value(format!(
                "Invalid field '{name}' on model '{}'",
                model.name()
            ))
        })?;
        if !fields.contains(&index) {
            fields.push(index);
        }
    }
    Ok(fields)
}

/// The methods that change records.
pub(super) fn change(
    world: &mut World,
    user: &User,
    call: Call,
    env: &Env,
    out: &mut PyJson,
) -> Result<(), OdooError> {
    let Bound {
        model,
        method,
        ids,
        arguments,
    } = bind(world, call)?;
    access::check(world, user, model, method)?;
    let index = model.index;
    if method == "create" {
        let given = arguments.required("vals_list")?;
        let single = given.is_object();
        let mut created = Vec::new();
        for values in given
            .as_array()
            .map_or(std::slice::from_ref(given), Vec::as_slice)
        {
            created.push(world.create(index, None, &object(values)?, env)?);
        }
        match created.as_slice() {
            [only] if single => out.int(*only),
            many => out.ids(many),
        }
        return Ok(());
    }
    world.check_visible(model, &ids, method, env)?;
    if method == "write" {
        let values = object(arguments.required("vals")?)?;
        world.write(index, &ids, &values, env)?;
    } else {
        world.unlink(index, &ids, env)?;
    }
    out.bool(true);
    Ok(())
}

fn object(json: &Json) -> Result<Map<String, Json>, OdooError> {
    json.as_object()
        .cloned()
        .ok_or_else(|| OdooError::value(format!("{json} is no dictionary of values")))
}
