//! The program; all of it is in the library.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Requests are many small allocations on several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    vestibule::cli::run().await
}
