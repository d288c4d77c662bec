//! The cases by name: what each needs and who measures it.

use anyhow::Result;
use clap::ValueEnum;
use shared::specs::{PRODUCTS, REGISTRY};

use super::nothing::{self, Change};
use super::report::Report;
use super::{Args, Bench, engine, full, start, status};

/// What can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Case {
    Start,
    Status,
    Nothing,
    OneRow,
    Engine,
    Growth,
    Full,
}

impl Case {
    /// These, or all of them where none is named.
    pub(super) fn wanted(named: &[Self]) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|case| named.is_empty() || named.contains(case))
            .collect()
    }

    /// As a person types it.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The functions that it measures.
    pub(super) fn functions(self, args: &Args) -> Vec<String> {
        match self {
            Self::Start => start::functions(),
            Self::Status => vec!["api".to_owned()],
            Self::Nothing | Self::OneRow => {
                REGISTRY.iter().map(|spec| spec.function_name()).collect()
            }
            Self::Engine | Self::Growth => vec![PRODUCTS.function_name()],
            Self::Full => full::subjects(args)
                .map(|subject| subject.spec().function_name())
                .collect(),
        }
    }

    /// Measures it.
    pub(super) fn run(self, bench: &Bench<'_>) -> Result<Report> {
        match self {
            Self::Start => start::run(bench, &start::functions()),
            Self::Status => status::run(bench),
            Self::Nothing => nothing::run(bench, Change::Nothing, REGISTRY),
            Self::OneRow => nothing::run(bench, Change::OneRow, REGISTRY),
            Self::Engine => engine::run(bench, bench.args.rows),
            Self::Growth => engine::growth(bench, bench.args.rows),
            Self::Full => full::run(bench),
        }
    }
}
