//! The service under load, by HTTP, with everything on.

use crate::{
    CLIENTS, accounts,
    driver::write_request,
    limits::Limits,
    operations::{Bench, VERIFY, VIEWERS, id_of},
    report::Report,
    support::{Database, Server, postgres::Cluster},
};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Exchanges are prepared by count: each token is good once.
const TOKENS: [usize; 3] = [6_000, 30_000, 60_000];

/// Measures every operation at every number of clients.
pub(crate) async fn measure(
    store: &'static str,
    database: &Arc<Database>,
    cluster: Option<&Cluster>,
    time: Duration,
    limits: &Limits<'_>,
    report: &mut Report,
) {
    let setup = Server::on(database)
        .env("VESTIBULE_LIMITS__KEY_PER_SECOND", "0")
        .env("VESTIBULE_LIMITS__ADDRESS_PER_MINUTE", "0");
    let server = setup.start().await;
    let key: Rc<str> = server.tenant().key.into();
    let bench = Bench { store, server, key, cluster, time };
    report.note(format!("{store}: resident memory idle {:.0} MiB", accounts::memory(bench.server.pid()).0));
    bench.create("warm-up", 16, time / 2, usize::MAX).await;
    for (clients, tokens) in CLIENTS.into_iter().zip(TOKENS) {
        report.add(limits.around("create", clients, bench.create("create", clients, time, usize::MAX)).await.0);
        let minted = bench.create("mint", 64, Duration::from_secs(60), tokens).await.1;
        report.add(limits.around("exchange", clients, bench.exchange(clients, minted.kept)).await.0);
    }
    let minted = bench.create("mint", 64, Duration::from_secs(60), VIEWERS).await.1;
    let viewers = bench.exchange(64, minted.kept).await.1.kept;
    let ids = bench.create("ids", 64, Duration::from_secs(60), VIEWERS).await.1;
    for clients in CLIENTS {
        let verify = bench.read("verify", clients, viewers.clone(), |token, out| {
            write_request(out, "GET", VERIFY, token, "");
        });
        let verify = limits.around("verify", clients, async { (verify.await, ()) }).await.0;
        let constant = verify.limit.clone();
        report.add(verify);
        let key = Rc::clone(&bench.key);
        let get = bench.read("get", clients, ids.kept.clone(), move |token, out| {
            write_request(out, "GET", &format!("/v1/portal-sessions/{}", id_of(token)), &key, "");
        });
        report.add_beside(get.await, constant.clone());
        let key = Rc::clone(&bench.key);
        let list = bench.read("list", clients, vec![String::new()], move |_, out| {
            write_request(out, "GET", "/v1/portal-sessions?includeExpired=true", &key, "");
        });
        report.add_beside(list.await, constant);
    }
    report.note(format!("{store}: resident memory at its peak {:.0} MiB", accounts::memory(bench.server.pid()).1));
}
