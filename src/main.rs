//! The program; all of it is in the library.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Requests are many small allocations on several threads. Its version 3 takes a slow way for what Rust asks for above 1 KB,
/// and huge pages hold 10 MB and more of an idle service's memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    vestibule::cli::run().await
}
