//! The process at the other end of a connection, and its end. Linux only: it is found through `/proc`.

use std::{fs, io, net::SocketAddr, os::unix::process::parent_id, path::Path, process};

use rustix::process::{Pid, Signal, kill_process};

use crate::connection::Ends;

/// What a function's process is called, whatever the function.
const FUNCTION: &str = "bootstrap";

/// A process that holds the caller's end of a connection.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    pid: u32,
    name: String,
}

/// Kills the calling process with SIGKILL. Only a process named `bootstrap` is killed, never this one or its parent.
///
/// # Errors
/// Why nothing was killed.
pub(crate) fn kill(ends: Ends) -> Result<(), String> {
    let inode = socket_inode(ends).ok_or("the caller's connection is gone")?;
    let holders = holders(inode).map_err(|error| format!("/proc cannot be read: {error}"))?;
    let victims: Vec<&Holder> = holders.iter().filter(|holder| may_be_killed(holder, process::id(), parent_id())).collect();
    if victims.is_empty() {
        return Err(refusal(&holders));
    }
    victims.into_iter().try_for_each(|victim| kill_holder(victim).map_err(|error| format!("{victim:?}: {error}")))
}

fn may_be_killed(holder: &Holder, own: u32, parent: u32) -> bool {
    holder.name == FUNCTION && holder.pid > 1 && holder.pid != own && holder.pid != parent
}

fn refusal(holders: &[Holder]) -> String {
    let named: Vec<String> = holders.iter().map(|holder| format!("{} ({})", holder.name, holder.pid)).collect();
    format!("only a process named {FUNCTION} is killed, never the proxy or its parent; the caller is: {}", named.join(", "))
}

fn kill_holder(holder: &Holder) -> io::Result<()> {
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    kill_process(pid, Signal::KILL).map_err(io::Error::from)
}

/// The inode of the caller's socket, whether it was made for IPv4 or for IPv6.
fn socket_inode(ends: Ends) -> Option<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables.iter().find_map(|table| find_inode(&fs::read_to_string(table).ok()?, ends))
}

/// Finds a connection in a table of the kernel's; 0 stands for a socket that no process holds any more.
fn find_inode(table: &str, ends: Ends) -> Option<u64> {
    let (local, remote) = (written(ends.caller)?, written(ends.here)?);
    let row = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>()).find(|fields| {
        let is_end = |index: usize, end: &str| fields.get(index).is_some_and(|field| is_address(field, end));
        is_end(1, &local) && is_end(2, &remote)
    })?;
    row.get(9)?.parse().ok().filter(|inode| *inode != 0)
}

/// An IPv4 address as the kernel writes it; within IPv6 it is the same with a prefix.
fn written(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}

fn is_address(field: &str, end: &str) -> bool {
    field.strip_suffix(end).is_some_and(|prefix| ["", "0000000000000000FFFF0000"].contains(&prefix))
}

fn holders(inode: u64) -> io::Result<Vec<Holder>> {
    let link = format!("socket:[{inode}]");
    let pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|pid| holds(*pid, Path::new(&link))).filter_map(holder).collect())
}

/// Processes of others cannot be looked into, and do not hold it as far as can be told.
fn holds(pid: u32, link: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.filter_map(Result::ok).any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == link))
}

fn holder(pid: u32) -> Option<Holder> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Holder { pid, name: name.trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends { caller: "127.0.0.1:8080".parse().unwrap(), here: "127.0.0.1:50084".parse().unwrap() }
    }

    #[test]
    fn a_connection_is_found_by_both_its_ends_in_either_table() {
        let header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        let row = |local: &str, remote: &str, inode: u32| {
            format!("\n   0: {local} {remote} 01 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0 20 4")
        };
        let (caller, here) = ("0100007F:1F90", "0100007F:C3A4");
        let other = row(here, caller, 7) + &row(caller, "0100007F:C3A5", 8);
        assert_eq!(find_inode(&format!("{header}{other}{}", row(caller, here, 9)), ends()), Some(9));
        assert_eq!(find_inode(&format!("{header}{other}"), ends()), None);
        let mapped = |address: &str| format!("0000000000000000FFFF0000{address}");
        assert_eq!(find_inode(&row(&mapped(caller), &mapped(here), 9), ends()), Some(9));
        assert_eq!(find_inode(&row(caller, here, 0), ends()), None);
    }

    #[test]
    fn only_a_function_is_killed_never_the_proxy_or_its_parent() {
        let holder = |pid, name: &str| Holder { pid, name: name.into() };
        assert!(may_be_killed(&holder(7, "bootstrap"), 5, 6));
        for spared in [holder(5, "bootstrap"), holder(6, "bootstrap"), holder(1, "bootstrap"), holder(7, "python3")] {
            assert!(!may_be_killed(&spared, 5, 6), "{spared:?}");
        }
    }
}
