//! nginx in front of a server, with the configuration that the documentation gives.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, redirect};

use crate::support::Server;
use crate::support::guard::{Folder, Guard};
use crate::support::port::free_port;

const DOCUMENTED: &str = include_str!("../../../docs/forward-auth/nginx.conf");

/// A running nginx; it ends with this value.
pub(crate) struct Nginx {
    _guard: Guard,
    folder: Folder,
}

impl Nginx {
    /// Guards `app` by `server` on `port`, over TLS with a certificate of its own.
    pub(crate) fn start(port: u16, server: &Server, app: u16, portal: &str) -> Self {
        let folder = Folder::new();
        let file = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        certificate(&file("pem"), &file("key"));
        let mut conf = DOCUMENTED.to_owned();
        for (written, here) in [
            ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
            ("server 127.0.0.1:8080;", format!("server 127.0.0.1:{};", server.port())),
            ("server 127.0.0.1:3000;", format!("server 127.0.0.1:{app};")),
            ("/etc/ssl/certs/portal.example.pem", file("pem")),
            ("/etc/ssl/private/portal.example.key", file("key")),
            ("ptl_0000000000000000000000", portal.to_owned()),
            ("/var/log/nginx/access.log", file("access")),
        ] {
            assert!(conf.contains(written), "{written}");
            conf = conf.replace(written, &here);
        }
        // Nothing of the machine's own, so that nobody's log or cache is touched.
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths: String = paths.iter().map(|name| format!("{name}_temp_path {};\n", file(name))).collect();
        let conf = conf.replace("http {", &format!("http {{\n{paths}"));
        fs::write(file("conf"), conf).expect("a configuration");
        let globals = format!("daemon off; master_process off; pid {};", file("pid"));
        #[expect(clippy::zombie_processes, reason = "the guard kills it when the test process ends")]
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", &file(""), "-e", &file("log"), "-c", &file("conf"), "-g", &globals])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("nginx starts");
        let guard = Guard::new(r#"kill -KILL "$1""#, &[&child.id().to_string()]);
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(file("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "nginx does not come up: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _guard: guard, folder }
    }

    /// What it noted of requests, once it noted one with this in it: it notes a request after it answered.
    pub(crate) async fn access_log_with(&self, last: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let log = fs::read_to_string(self.folder.path().join("access")).expect("a log");
            if log.contains(last) {
                return log;
            }
            assert!(Instant::now() < deadline, "{last:?} is not noted: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn certificate(pem: &str, key: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=portal.example", "-keyout", key, "-out", pem])
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl starts").success());
}

/// An application that tells what it received.
pub(crate) fn echo() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(read) if read > 0 => request.extend(&buffer[..read]),
                    _ => break,
                }
            }
            let head =
                format!("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", request.len());
            stream.write_all(&[head.into_bytes(), request].concat()).ok();
        }
    });
    port
}

/// A client of `https://portal.example` at this machine, which takes any certificate.
pub(crate) fn client(port: u16) -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .resolve("portal.example", ([127, 0, 0, 1], port).into())
        .tls_danger_accept_invalid_certs(true)
        .build()
        .expect("a client")
}

/// A port for it, and what the server behind it must know.
pub(crate) async fn server_behind(store: crate::support::Store) -> (u16, Server) {
    let port = free_port();
    let setup = Server::with(store)
        .env("VESTIBULE_PUBLIC_URL", &format!("https://portal.example:{port}"))
        .env("VESTIBULE_TRUSTED_PROXIES", "127.0.0.1");
    (port, setup.start().await)
}
