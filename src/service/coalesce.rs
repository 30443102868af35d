//! Writes that arrive while one is under way go together in the next. There is no timer: an idle
//! server answers at once, a busy one shares the cost of commits and round trips.

use crate::store::StoreError;
use std::future::Future;
use tokio::sync::{mpsc, oneshot};

/// More than this in one statement gains nothing and makes the first ones wait.
const LARGEST_BATCH: usize = 128;

type Waiting<I, O> = (I, oneshot::Sender<Result<O, StoreError>>);

/// Gathers single items into batches, one batch at a time.
pub(super) struct Coalescer<I, O> {
    queue: mpsc::Sender<Waiting<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Coalescer<I, O> {
    /// Starts one that lets `capacity` items wait and hands batches to `write`, which answers for
    /// each item in order. It ends when the last handle is dropped and the queue is empty.
    pub(super) fn start<F, W>(capacity: usize, write: F) -> Self
    where
        F: Fn(Vec<I>) -> W + Send + 'static,
        W: Future<Output = Vec<Result<O, StoreError>>> + Send,
    {
        let (queue, mut waiting) = mpsc::channel::<Waiting<I, O>>(capacity);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(LARGEST_BATCH);
            while let Some(first) = waiting.recv().await {
                batch.push(first);
                // Requests that have arrived already come along: every task that can run does so before this one goes on.
                tokio::task::yield_now().await;
                while batch.len() < LARGEST_BATCH
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                let (items, answers): (Vec<I>, Vec<_>) = batch.drain(..).unzip();
                for (answer, result) in answers.into_iter().zip(write(items).await) {
                    // Whoever hung up gets no answer; the write stands all the same.
                    let _ = answer.send(result);
                }
            }
        });
        Self { queue }
    }

    /// Waits until `item` was written with others.
    pub(super) async fn submit(&self, item: I) -> Result<O, StoreError> {
        let (answer, result) = oneshot::channel();
        self.queue.try_send((item, answer)).map_err(|_| StoreError::Overloaded)?;
        result.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the batch was given up".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn what_arrives_during_a_write_goes_together_in_the_next() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let coalescer = Arc::new(Coalescer::start(64, move |items: Vec<u32>| {
            seen.lock().unwrap().push(items.len());
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                items.into_iter().map(|n| Ok(n * 2)).collect()
            }
        }));
        let first = tokio::spawn({
            let coalescer = Arc::clone(&coalescer);
            async move { coalescer.submit(1).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        let rest = futures_util::future::join_all((2..12).map(|n| coalescer.submit(n))).await;
        assert_eq!(first.await.unwrap().unwrap(), 2);
        assert_eq!(
            rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            (2..12).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert_eq!(*sizes.lock().unwrap(), [1, 10]);
    }

    #[tokio::test]
    async fn past_the_bound_it_refuses_at_once() {
        let coalescer = Arc::new(Coalescer::start(2, |items: Vec<u32>| async move {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            items.into_iter().map(Ok).collect()
        }));
        for n in 0..3 {
            let coalescer = Arc::clone(&coalescer);
            tokio::spawn(async move { coalescer.submit(n).await });
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let refused = tokio::time::timeout(std::time::Duration::from_millis(50), coalescer.submit(9)).await;
        assert!(matches!(refused, Ok(Err(StoreError::Overloaded))));
    }
}
