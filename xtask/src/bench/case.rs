//! The cases by name: what each needs and who measures it.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use shared::specs::{PRODUCTS, REGISTRY};

use super::nothing::{self, Change};
use super::report::Report;
use super::{Args, Bench, engine, full, reconcile, start, status};

/// What can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Case {
    Start,
    Status,
    Nothing,
    OneRow,
    Engine,
    Growth,
    Reconcile,
    Full,
    Far,
}

/// What a person asks for: cases, or the short form of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Case(Case),
    Short,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// In the order of the cases, each once.
    Cases(Vec<Case>),
    Short,
}

impl ValueEnum for Wanted {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Case(Case::Start),
            Self::Case(Case::Status),
            Self::Case(Case::Nothing),
            Self::Case(Case::OneRow),
            Self::Case(Case::Engine),
            Self::Case(Case::Growth),
            Self::Case(Case::Reconcile),
            Self::Case(Case::Full),
            Self::Case(Case::Far),
            Self::Short,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Case(case) => case.to_possible_value(),
            Self::Short => Some(PossibleValue::new("short")),
        }
    }
}

impl Plan {
    /// All cases where nothing is named.
    ///
    /// # Errors
    /// Where the short form is asked for together with cases.
    pub(super) fn of(wanted: &[Wanted]) -> Result<Self> {
        if wanted.contains(&Wanted::Short) {
            let is_alone = wanted.iter().all(|it| *it == Wanted::Short);
            ensure!(is_alone, "`short` stands alone: it names its own cases");
            return Ok(Self::Short);
        }
        let all = Case::value_variants().iter().copied();
        let is_wanted = |case: &Case| wanted.is_empty() || wanted.contains(&Wanted::Case(*case));
        Ok(Self::Cases(all.filter(is_wanted).collect()))
    }
}

impl Case {
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
            Self::Engine | Self::Growth | Self::Reconcile => vec![PRODUCTS.function_name()],
            Self::Full | Self::Far => full::subjects(args)
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
            Self::Reconcile => reconcile::run(bench, bench.args.rows),
            Self::Full => full::run(bench),
            Self::Far => full::run_far(bench),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Plan, Wanted};
    use clap::ValueEnum;

    #[test]
    fn every_case_can_be_asked_for() {
        for case in Case::value_variants() {
            assert_eq!(
                Wanted::from_str(&case.name(), false),
                Ok(Wanted::Case(*case))
            );
        }
    }

    #[test]
    fn cases_come_in_their_order_and_the_short_form_alone() {
        let [engine, start] = [Case::Engine, Case::Start].map(Wanted::Case);
        let plan = |wanted: &[Wanted]| Plan::of(wanted).ok();
        assert_eq!(
            plan(&[engine, start, engine]),
            Some(Plan::Cases(vec![Case::Start, Case::Engine]))
        );
        assert_eq!(
            plan(&[]),
            Some(Plan::Cases(Case::value_variants().to_vec()))
        );
        assert_eq!(plan(&[Wanted::Short]), Some(Plan::Short));
        assert_eq!(plan(&[Wanted::Short, start]), None);
    }
}
