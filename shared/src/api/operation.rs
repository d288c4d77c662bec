//! What an operator does by hand, and the paths that ask for it. All of it is `POST`, and
//! none has a parameter.

/// An operation, with the data type or the finding's id that its path names, known or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `POST /api/sync/cancel/{dataType}`
    Cancel(String),
    /// `POST /api/sync/pause/{dataType}`
    Pause(String),
    /// `POST /api/sync/resume/{dataType}`
    Resume(String),
    /// `POST /api/sync/replay/{dataType}`
    Replay(String),
    /// `POST /api/sync/findings/{id}/retry`
    Retry(String),
    /// `POST /api/sync/findings/{id}/dismiss`
    Dismiss(String),
}

impl Operation {
    /// The paths of all operations.
    pub(crate) const ROUTES: &str = "POST /api/sync/cancel/{dataType}, \
         POST /api/sync/pause/{dataType}, POST /api/sync/resume/{dataType}, \
         POST /api/sync/replay/{dataType}, POST /api/sync/findings/{id}/retry, \
         POST /api/sync/findings/{id}/dismiss";

    /// The operation of a path's segments behind `/api/sync/`.
    pub(crate) fn find(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["cancel", name] => Self::Cancel((*name).to_owned()),
            ["pause", name] => Self::Pause((*name).to_owned()),
            ["resume", name] => Self::Resume((*name).to_owned()),
            ["replay", name] => Self::Replay((*name).to_owned()),
            ["findings", id, "retry"] => Self::Retry((*id).to_owned()),
            ["findings", id, "dismiss"] => Self::Dismiss((*id).to_owned()),
            _ => return None,
        })
    }
}
