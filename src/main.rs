//! The program; all of it is in the library.

use mimalloc::MiMalloc;
use std::{io, process::ExitCode, thread};
use tokio::runtime;

/// Requests are many small allocations on several threads. Its version 3 takes a slow way for what Rust asks for above 1 KB,
/// and huge pages hold 10 MB and more of an idle service's memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> io::Result<ExitCode> {
    // Before a thread that has nothing to do is put to sleep, whoever else waits for the processor runs: database and proxy
    // often bring work for it, and then it need not be woken.
    let runtime = runtime::Builder::new_multi_thread().enable_all().on_thread_park(thread::yield_now).build()?;
    Ok(runtime.block_on(vestibule::cli::run()))
}
