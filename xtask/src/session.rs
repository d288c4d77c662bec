//! Sessions: a process together with all that it starts.
//!
//! A process group is not enough: `cargo lambda watch`, for one, puts each function into
//! a group of its own, and what is left behind would keep its port and its files. A
//! session holds them all, because no program that we start opens another.

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

/// Asks the leader and its group to end. Nobody may be left to be asked.
pub(crate) fn terminate(session: u32) {
    if let Some(group) = pid(session) {
        let _ = kill_process_group(group, Signal::TERM);
    }
}

/// Ends everything in the session by force.
pub(crate) fn kill(session: u32) {
    for member in members(session).into_iter().filter_map(pid) {
        let _ = kill_process(member, Signal::KILL);
    }
}

fn members(session: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| session_of(*process) == Some(session))
        .collect()
}

fn session_of(process: u32) -> Option<u32> {
    parse_session(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The fourth field after the program's name, which may hold spaces and brackets itself.
fn parse_session(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(3)?.parse().ok()
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{leading, members, parse_session};
    use std::process::Command;

    #[test]
    fn reads_the_session_behind_any_program_name() {
        assert_eq!(parse_session("7 (a) b) (c) S 1 7 42 0 -1"), Some(42));
        assert_eq!(parse_session("7 (a"), None);
        assert_eq!(parse_session("7 (a) S 1"), None);
    }

    #[test]
    fn a_leader_keeps_its_environment_and_its_session_holds_its_children() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "test \"$COLOUR\" = blue && sleep 30 & wait"])
            .env("COLOUR", "blue");
        let mut leader = leading(&command).spawn().expect("sh starts");
        let session = leader.id();
        let grown = crate::daemon::wait_until(std::time::Duration::from_secs(10), || {
            members(session).len() == 2
        });
        super::kill(session);
        leader.wait().expect("sh ends");
        assert!(grown, "the child is in the session");
    }
}
