//! Which route a path is. A path is matched segment by segment, each decoded once and as a
//! whole: an encoded slash never becomes one, `.` and `..` lead nowhere, and neither does
//! an empty segment, so that no path has a second spelling that another check would miss.

use percent_encoding::percent_decode_str;

use super::hooks;
use super::operation::Operation;

/// Every route, of whichever function, for a caller who asked for none of them.
pub(crate) const ROUTES: &str = "POST /api/sync/{dataType}, POST /api/sync/all, \
     GET /api/sync/status, GET /api/sync/status/{dataType}, GET /api/sync/runs, \
     GET /api/sync/findings, POST /api/sync/reset/{dataType}, \
     POST /api/sync/hooks/odoo/{dataType}, GET /api/sync/health, GET /api/sync/dashboard";

/// A route, with the data type that its path names, known or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /api/sync/health`
    Health,
    /// `GET /api/sync/dashboard`
    Dashboard,
    /// `GET /api/sync/status`
    Status,
    /// `GET /api/sync/status/{dataType}`
    StatusOf(String),
    /// `GET /api/sync/runs`
    Runs,
    /// `GET /api/sync/findings`
    Findings,
    /// `POST /api/sync/reset/{dataType}`
    Reset(String),
    /// What an operator does by hand.
    Operate(Operation),
    /// `POST /api/sync/hooks/odoo/{dataType}`
    Hook(String),
    /// `POST /api/sync/{dataType}`, which other functions answer.
    Sync(String),
}

impl Route {
    /// The route of a path; `None` where there is none.
    pub(crate) fn find(path: &str) -> Option<Self> {
        let segments: Vec<String> = path
            .strip_prefix("/api/sync/")?
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8().ok())
            .map(|segment| segment.map(String::from).filter(|it| !it.is_empty()))
            .collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match segments.as_slice() {
            ["health"] => Self::Health,
            ["dashboard"] => Self::Dashboard,
            ["status"] => Self::Status,
            ["status", name] => Self::StatusOf((*name).to_owned()),
            ["runs"] => Self::Runs,
            ["findings"] => Self::Findings,
            ["reset", name] => Self::Reset((*name).to_owned()),
            ["hooks", "odoo", name] => Self::Hook((*name).to_owned()),
            [name] => Self::Sync((*name).to_owned()),
            other => Self::Operate(Operation::find(other)?),
        })
    }

    /// The one method that it takes.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Reset(_) | Self::Operate(_) | Self::Hook(_) | Self::Sync(_) => "POST",
            Self::Health
            | Self::Dashboard
            | Self::Status
            | Self::StatusOf(_)
            | Self::Runs
            | Self::Findings => "GET",
        }
    }

    /// The parameters that may stand in its query.
    pub(crate) fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Health => &["deep"],
            Self::Runs => &["dataType", "limit"],
            Self::Findings => &["dataType", "severity", "limit"],
            Self::Reset(_) => &["force"],
            Self::Hook(_) => &[hooks::TOKEN],
            Self::Dashboard
            | Self::Status
            | Self::StatusOf(_)
            | Self::Operate(_)
            | Self::Sync(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_path() {
        let name = || "products".to_owned();
        for (path, route) in [
            ("/api/sync/health", Route::Health),
            ("/api/sync/dashboard", Route::Dashboard),
            ("/api/sync/status", Route::Status),
            ("/api/sync/status/products", Route::StatusOf(name())),
            ("/api/sync/runs", Route::Runs),
            ("/api/sync/findings", Route::Findings),
            ("/api/sync/reset/products", Route::Reset(name())),
            (
                "/api/sync/cancel/products",
                Route::Operate(Operation::Cancel(name())),
            ),
            (
                "/api/sync/findings/7/dismiss",
                Route::Operate(Operation::Dismiss("7".to_owned())),
            ),
            ("/api/sync/hooks/odoo/products", Route::Hook(name())),
            ("/api/sync/products", Route::Sync(name())),
            ("/api/sync/%70roducts", Route::Sync(name())),
        ] {
            assert_eq!(Route::find(path), Some(route), "{path}");
        }
    }

    #[test]
    fn a_path_with_a_trick_in_it_is_none() {
        let long = format!("/api/sync/status/{}", "a/".repeat(100_000));
        for path in [
            "",
            "/",
            "/api/sync",
            "/api/sync/",
            "//api/sync/status",
            "/api//sync/status",
            "/api/sync//status",
            "/api/sync/status/",
            "/api/sync/status//products",
            "/api/sync/products/../reset",
            "/api/sync/products/%2e%2e/status",
            "/api/./sync/status",
            "/api/sync/./status",
            "/api/../api/sync/status",
            "/API/sync/status",
            "/api/sync/reset",
            "/api/sync/reset/products/all",
            "/api/sync/pause/products/all",
            "/api/sync/findings/7",
            "/api/sync/findings/7/delete",
            "/api/sync/findings/7/retry/all",
            "/api%2Fsync/status",
            "/api/sync/%ff",
            "/api/sync/status/%",
            "api/sync/status",
            long.as_str(),
        ] {
            let route = Route::find(path);
            // Without a segment of its own, `reset` and a broken escape are names that no
            // data type has.
            let is_a_name = |name: &str| matches!(name, "reset" | "%");
            assert!(
                match &route {
                    None => true,
                    Some(Route::Sync(name) | Route::StatusOf(name)) => is_a_name(name),
                    Some(_) => false,
                },
                "{path:.60}: {route:?}"
            );
        }
    }

    #[test]
    fn an_encoded_slash_or_dot_stays_in_its_segment() {
        for (path, name) in [
            (
                "/api/sync/status/..%2Freset%2Fproducts",
                "../reset/products",
            ),
            ("/api/sync/status/%252e", "%2e"),
            ("/api/sync/status/%2e%2e", ".."),
        ] {
            assert_eq!(Route::find(path), Some(Route::StatusOf(name.to_owned())));
        }
    }
}
