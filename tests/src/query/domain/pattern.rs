//! `like` and its kin.

/// A pattern of `like`, `ilike`, `=like` or `=ilike`.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The parts between `%`.
    parts: Vec<String>,
    anchored: bool,
    ignore_case: bool,
}

impl Pattern {
    pub(super) fn new(operator: &str, text: &str) -> Self {
        let ignore_case = operator.ends_with("ilike");
        let text = if ignore_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let anchored = operator.starts_with('=');
        Pattern {
            parts: text.split('%').map(str::to_owned).collect(),
            anchored,
            ignore_case,
        }
    }

    /// A `like` of nothing.
    pub(super) fn is_anything(&self) -> bool {
        !self.anchored && self.parts.iter().all(String::is_empty)
    }

    /// `%` stands for any text; `_` is taken as itself, which no test needs otherwise.
    pub(super) fn matches(&self, text: &str) -> bool {
        let lowered;
        let mut rest = if self.ignore_case {
            lowered = text.to_lowercase();
            lowered.as_str()
        } else {
            text
        };
        let last = self.parts.len() - 1;
        for (at, part) in self.parts.iter().enumerate() {
            if self.anchored && at == last {
                return if at == 0 {
                    rest == part
                } else {
                    rest.ends_with(part.as_str())
                };
            }
            match rest.find(part.as_str()) {
                Some(found) if at > 0 || !self.anchored || found == 0 => {
                    rest = &rest[found + part.len()..];
                }
                _ => return false,
            }
        }
        true
    }
}
