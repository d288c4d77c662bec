//! How far a run is, how fast it goes and how long it will take, from what is seen of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rate is that of this time: a run is slower where rows are many or wide.
const SPAN: Duration = Duration::from_secs(30);
/// A rate of less time than this is none.
const SHORTEST: Duration = Duration::from_millis(500);

/// What is being done with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its rows are read.
    Read,
    /// Its ids and change times are compared.
    Compare,
}

/// A stream as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) stream: String,
    pub(super) phase: Phase,
    pub(super) is_over: bool,
    /// Rows of the phase that are behind.
    pub(super) done: u64,
    /// Rows to come, once they have been listed.
    pub(super) to_do: Option<u64>,
    /// All rows, as far as is known before.
    pub(super) expected: Option<u64>,
}

/// One phase of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) stream: String,
    pub(super) phase: Phase,
    pub(super) is_over: bool,
    pub(super) done: u64,
    pub(super) all: Option<u64>,
}

/// A run from its first step to its last, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Course {
    steps: Vec<Step>,
    sights: VecDeque<(Instant, u64)>,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Position {
    /// What is being done; none between two steps.
    pub(super) step: Option<Step>,
    pub(super) done: u64,
    pub(super) all: u64,
    /// Rows a second.
    pub(super) rate: Option<f64>,
    pub(super) left: Option<Duration>,
}

impl Course {
    /// Takes in what is seen. Returns the steps that are over by now and were not before.
    pub(super) fn see(&mut self, streams: &[Seen], at: Instant) -> Vec<Step> {
        let mut ended = Vec::new();
        for seen in streams {
            // A stream that is in another phase has left the one before.
            for before in &mut self.steps {
                if before.stream == seen.stream && before.phase != seen.phase && !before.is_over {
                    before.is_over = true;
                    before.done = before.all.unwrap_or(before.done).max(before.done);
                    ended.push(before.clone());
                }
            }
            let step = Step {
                stream: seen.stream.clone(),
                phase: seen.phase,
                is_over: seen.is_over,
                done: seen.done,
                all: match (seen.is_over, seen.to_do) {
                    (true, _) => Some(seen.done),
                    (false, Some(to_do)) => Some(seen.done + to_do),
                    (false, None) => seen.expected.map(|all| all.max(seen.done)),
                },
            };
            let is_same = |it: &&mut Step| it.stream == step.stream && it.phase == step.phase;
            match self.steps.iter_mut().find(is_same) {
                Some(known) if known.is_over => {}
                known => {
                    if step.is_over {
                        ended.push(step.clone());
                    }
                    match known {
                        Some(known) => *known = step,
                        None => self.steps.push(step),
                    }
                }
            }
        }
        self.sights.push_back((at, self.done()));
        while self
            .sights
            .front()
            .is_some_and(|(seen, _)| at.duration_since(*seen) > SPAN)
        {
            self.sights.pop_front();
        }
        // While ids are listed no row comes in, which says nothing of how fast rows will.
        while self.sights.len() > 1 && self.sights[0].1 == self.sights[1].1 {
            self.sights.pop_front();
        }
        ended
    }

    /// Where the run is now.
    pub(super) fn position(&self) -> Position {
        let done = self.done();
        let all = self.steps.iter().map(|it| it.all.unwrap_or(it.done)).sum();
        let rate = self.rate();
        let to_do: u64 = u64::saturating_sub(all, done);
        Position {
            step: self.steps.iter().find(|it| !it.is_over).cloned(),
            done,
            all,
            rate,
            left: rate
                .filter(|rate| *rate > 0.0)
                .and_then(|rate| Duration::try_from_secs_f64(to_do as f64 / rate).ok()),
        }
    }

    fn done(&self) -> u64 {
        self.steps.iter().map(|step| step.done).sum()
    }

    fn rate(&self) -> Option<f64> {
        let ((first, before), (last, now)) = (self.sights.front()?, self.sights.back()?);
        let time = last.duration_since(*first);
        (time >= SHORTEST).then(|| now.saturating_sub(*before) as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stream: &str, phase: Phase, done: u64, to_do: Option<u64>) -> Seen {
        Seen {
            stream: stream.to_owned(),
            phase,
            is_over: to_do == Some(0),
            done,
            to_do,
            expected: Some(1000),
        }
    }

    #[test]
    fn all_counts_what_is_listed_and_what_is_expected_and_the_time_left_follows_from_the_rate() {
        let mut course = Course::default();
        let start = Instant::now();
        let of = |done| {
            [
                seen("uoms", Phase::Read, 100, Some(0)),
                seen("products", Phase::Read, done, None),
            ]
        };
        let ended = course.see(&of(0), start);
        assert_eq!(ended.len(), 1, "uoms are over");
        let position = course.position();
        assert_eq!((position.done, position.all), (100, 1100));
        assert_eq!((position.rate, position.left), (None, None));
        assert_eq!(position.step.expect("products").stream, "products");

        let ended = course.see(&of(200), start + Duration::from_secs(2));
        assert_eq!(ended, [], "said once");
        let position = course.position();
        assert_eq!(position.rate, Some(100.0));
        assert_eq!(position.left, Some(Duration::from_secs(8)));
    }

    #[test]
    fn a_second_phase_comes_on_top_of_the_first() {
        let mut course = Course::default();
        let start = Instant::now();
        course.see(&[seen("products", Phase::Read, 400, Some(100))], start);
        let later = start + Duration::from_secs(1);
        let ended = course.see(&[seen("products", Phase::Compare, 20, Some(480))], later);
        assert_eq!((ended.len(), ended[0].phase), (1, Phase::Read));
        assert_eq!(ended[0].done, 500, "its end was not seen");
        let position = course.position();
        assert_eq!((position.done, position.all), (520, 1000));
    }

    #[test]
    fn a_rate_is_that_of_the_last_half_minute() {
        let mut course = Course::default();
        let start = Instant::now();
        for (second, done) in [(0, 0), (40, 4000), (41, 4000), (60, 4190)] {
            let at = start + Duration::from_secs(second);
            course.see(&[seen("products", Phase::Read, done, Some(10))], at);
        }
        assert_eq!(course.position().rate, Some(10.0), "and begins with a row");
    }
}
