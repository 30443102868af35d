//! `vestibule healthcheck`: for images that have no curl.

use super::Failure;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(3);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const ALIVE: &[u8] = b"HTTP/1.1 200 ";

/// Asks the service that listens there whether it is alive.
pub(super) async fn run(listen: SocketAddr) -> Result<(), Failure> {
    let address = reachable(listen);
    let why = match timeout(LIMIT, is_alive(address)).await {
        Ok(Ok(true)) => return Ok(()),
        Ok(Ok(false)) => "it does not answer 200".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer in {LIMIT:?}"),
    };
    Err(Failure::Refused(format!("the service at {address} is not alive: {why}.")))
}

async fn is_alive(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut start = [0; ALIVE.len()];
    stream.read_exact(&mut start).await?;
    Ok(start == ALIVE)
}

/// Who listens on all addresses is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn asked(answer: &'static [u8]) -> Result<(), Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; REQUEST.len()];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        run(SocketAddr::from(([0, 0, 0, 0], port))).await
    }

    #[tokio::test]
    async fn only_200_is_alive() {
        assert!(asked(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_ok());
        assert!(asked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await.is_err());
        assert!(asked(b"").await.is_err());
    }
}
