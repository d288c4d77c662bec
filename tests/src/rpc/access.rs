//! Users, and what they may do.

use crate::error::OdooError;
use crate::store::World;
use crate::store::model::Model;

/// Somebody who can log in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) api_key: String,
    /// The first is the user's own.
    pub(crate) companies: Vec<i64>,
    pub(crate) may_change: bool,
}

impl User {
    /// A password or an API key, as JSON-RPC takes either.
    pub(crate) fn knows(&self, secret: &str) -> bool {
        secret == self.password || secret == self.api_key
    }
}

/// Refuses where the user has no right to the operation on the model.
pub(crate) fn check(
    world: &World,
    user: &User,
    model: &Model,
    operation: &str,
) -> Result<(), OdooError> {
    if allowed(world, user, model, operation) {
        return Ok(());
    }
    let verb = match operation {
        "read" => "access",
        "write" => "modify",
        "create" => "create",
        _ => "delete",
    };
    Err(OdooError::access(format!(
        "You are not allowed to {verb} '{}' ({}) records.\n\nThis operation is allowed for the \
         following groups:\n\t- Administration/Settings\n\nContact your administrator to request \
         access if necessary.",
        model.def.label,
        model.name()
    )))
}

pub(crate) fn allowed(world: &World, user: &User, model: &Model, operation: &str) -> bool {
    let denied = world.denied.contains(&model.index);
    let changes = operation != "read";
    !denied && !(changes && (model.def.fixed || !user.may_change))
}
