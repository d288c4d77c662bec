//! Sessions: a process together with all that it starts.
//!
//! A process that we start leads a session, which its children stay in whatever groups
//! they form. `cargo lambda watch` goes further and opens a session for each function:
//! so what is ended are the sessions of all descendants. One that is left behind would
//! keep its port and its files.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The command, made the leader of a new session; its process id is the session's. Its
/// standard streams have to be set anew, standard input is empty.
pub(crate) fn leading(command: &Command) -> Command {
    let mut leader = Command::new("setsid");
    leader
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        leader.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => leader.env(name, value),
            None => leader.env_remove(name),
        };
    }
    leader
}

/// Asks the leader and its group to end; the process alone while it has opened no session yet.
/// Nobody may be left to be asked.
pub(crate) fn terminate(session: u32) {
    if let Some(leader) = pid(session)
        && kill_process_group(leader, Signal::TERM).is_err()
    {
        let _ = kill_process(leader, Signal::TERM);
    }
}

/// The sessions of a process and of all that descend from it, and the one that it opens if it has
/// not yet. To be asked while it lives: afterwards nobody knows whose children they were. Never our
/// own: a child is in it until it has opened one, and to end that would end us and whoever started
/// us.
pub(crate) fn of_family(ancestor: u32) -> BTreeSet<u32> {
    let all = processes();
    let ours = all.iter().find(|it| it.id == std::process::id());
    let sessions = family(ancestor, &all)
        .into_iter()
        .map(|process| process.session);
    sessions
        .filter(|session| ours.is_none_or(|ours| ours.session != *session))
        .chain([ancestor])
        .collect()
}

/// Ends everything in these sessions by force.
pub(crate) fn kill(sessions: &BTreeSet<u32>) {
    for process in processes() {
        if sessions.contains(&process.session)
            && let Some(pid) = pid(process.id)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    id: u32,
    parent: u32,
    session: u32,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id: u32| parse(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect()
}

/// What stands behind the program's name, which may hold spaces and brackets itself:
/// state, parent, group, session.
fn parse(id: u32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process {
        id,
        parent,
        session,
    })
}

/// The ancestor, if it lives, and its descendants.
fn family(ancestor: u32, processes: &[Process]) -> Vec<Process> {
    let mut found: Vec<Process> = processes
        .iter()
        .copied()
        .filter(|process| process.id == ancestor)
        .collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = processes
            .iter()
            .filter(|process| process.parent == parent.id && process.id != parent.id);
        found.extend(children);
        next += 1;
    }
    found
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Process, family, kill, leading, of_family, parse, processes, terminate};
    use crate::daemon::{lives, wait_until};
    use std::process::Command;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn reads_parent_and_session_behind_any_program_name() {
        let expected = Process {
            id: 7,
            parent: 1,
            session: 42,
        };
        assert_eq!(parse(7, "7 (a) b) (c) S 1 7 42 0 -1"), Some(expected));
        assert_eq!(parse(7, "7 (a"), None);
        assert_eq!(parse(7, "7 (a) S 1"), None);
    }

    #[test]
    fn a_family_is_all_generations_and_nobody_else() {
        let process = |id, parent| Process {
            id,
            parent,
            session: id,
        };
        let all = [
            process(4, 3),
            process(1, 0),
            process(3, 2),
            process(2, 1),
            process(5, 1),
        ];
        let ids: Vec<u32> = family(2, &all).iter().map(|found| found.id).collect();
        assert_eq!(ids, [2, 3, 4]);
        assert!(family(9, &all).is_empty());
    }

    /// Every child that leads a session was once like this one, which opens none.
    #[test]
    fn a_child_that_is_still_in_our_session_is_ended_and_we_are_not() {
        let mut child = Command::new("sleep")
            .arg("2718")
            .spawn()
            .expect("it starts");
        let ours = processes().into_iter().find(|it| it.id == child.id());
        let sessions = of_family(child.id());
        terminate(child.id());
        let ended = wait_until(LIMIT, || matches!(child.try_wait(), Ok(Some(_))));
        let _ = child.kill();
        assert_eq!(sessions, [child.id()].into());
        assert_ne!(ours.expect("it was running").session, child.id());
        assert!(ended, "it was asked to end, and did not");
    }

    #[test]
    fn ends_a_child_that_opened_a_session_of_its_own() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "test \"$COLOUR\" = blue && setsid sleep 2718 & wait"])
            .env("COLOUR", "blue");
        let mut leader = leading(&command).spawn().expect("sh starts");
        let session = leader.id();
        let grown = wait_until(LIMIT, || of_family(session).len() == 2);
        let sessions = of_family(session);
        kill(&sessions);
        leader.wait().expect("sh ends");
        assert!(grown, "the child has a session of its own");
        for leader in sessions {
            assert!(wait_until(LIMIT, || !lives(leader)));
        }
    }
}
