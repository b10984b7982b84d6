//! The port: is it free, and who would reach it.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::Finding;

pub(super) fn check(listen: SocketAddr) -> Finding {
    let advice = match TcpListener::bind(listen) {
        Ok(_) if listen.ip().is_loopback() => return Finding::ok("port", format!("{listen} is free")),
        Ok(_) => {
            let found = format!("{listen} is free and can be reached from other machines");
            return Finding::warn(
                "port",
                found,
                "configure credentials of your own: the local ones are well known",
            );
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let advice = "something listens there already, perhaps a server of yours: stop it, or choose another port with --listen";
            return Finding::fail("port", format!("{listen} is taken"), advice);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => (
            error,
            "ports below 1024 need privileges: choose a higher one with --listen",
        ),
        Err(error) => (error, "choose an address of this machine with --listen"),
    };
    Finding::fail("port", format!("{listen}: {}", advice.0), advice.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_taken_port_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        assert_eq!(check(listen).verdict, Verdict::Fail);
        drop(taken);
        assert_eq!(check(listen).verdict, Verdict::Ok);
        assert_eq!(check("0.0.0.0:0".parse().unwrap()).verdict, Verdict::Warn);
        assert_eq!(check("192.0.2.1:0".parse().unwrap()).verdict, Verdict::Fail);
    }
}
