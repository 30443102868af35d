//! Limits of rate: a token bucket per key and per client address, by the generic cell rate
//! algorithm (ITU-T I.371). They count per instance.

use crate::{config, domain::id::KeyId, service::Error};
use quick_cache::sync::Cache;
use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How many callers are told apart; beyond that, the cache evicts some. (`governor`'s limiters by key grow until somebody has them
/// drop whom they have not seen for long.)
const REMEMBERED: usize = 65_536;

/// The limits of an instance.
pub(crate) struct Limits {
    keys: Option<Buckets<KeyId>>,
    addresses: Option<Buckets<IpAddr>>,
}

impl Limits {
    pub(crate) fn new(config: &config::Limits) -> Self {
        let second = Duration::from_secs(1);
        let minute = Duration::from_secs(60);
        Self {
            keys: Buckets::new(config.key_per_second, second, config.key_burst),
            addresses: Buckets::new(config.address_per_minute, minute, config.address_burst),
        }
    }

    /// Counts a call with a key.
    pub(crate) fn count_key(&self, key: KeyId) -> Result<(), Error> {
        self.keys.as_ref().map_or(Ok(()), |buckets| buckets.take(key))
    }

    /// Counts an exchange or a landing from an address; IPv6 counts by /64, as it is handed out.
    pub(crate) fn count_address(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let Some((buckets, address)) = self.addresses.as_ref().zip(address) else { return Ok(()) };
        let network = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        };
        buckets.take(network)
    }
}

/// A bucket for each caller.
struct Buckets<K> {
    /// Nanoseconds in which one token drips in.
    interval: u64,
    burst: u32,
    started: Instant,
    /// When each bucket will be full again, in nanoseconds since `started`.
    full_at: Cache<K, Arc<AtomicU64>>,
}

impl<K: Eq + Hash + Copy> Buckets<K> {
    /// None when either number is 0: no limit.
    fn new(rate: u32, per: Duration, burst: u32) -> Option<Self> {
        let interval = per.as_nanos() as u64 / u64::from(rate.max(1));
        (rate > 0 && burst > 0).then(|| Self {
            interval,
            burst,
            started: Instant::now(),
            full_at: Cache::new(REMEMBERED),
        })
    }

    fn take(&self, who: K) -> Result<(), Error> {
        self.take_at(who, self.started.elapsed().as_nanos() as u64)
    }

    fn take_at(&self, who: K, now: u64) -> Result<(), Error> {
        let bucket = self.full_at.get_or_insert_with(&who, || Ok::<_, Error>(Arc::default()))?;
        // Centuries, at the most that may be configured.
        let capacity = self.interval.saturating_mul(u64::from(self.burst));
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = full_at.max(now).saturating_add(self.interval);
            (next - now <= capacity).then_some(next)
        });
        taken.map(drop).map_err(|full_at| Error::RateLimited {
            retry_after: Duration::from_nanos(
                full_at.saturating_add(self.interval).saturating_sub(now.saturating_add(capacity)),
            ),
            burst: self.burst,
            window: Duration::from_nanos(capacity),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let buckets = Buckets::new(10, Duration::from_secs(1), 5).unwrap();
        let tenth = Duration::from_millis(100).as_nanos() as u64;
        assert_eq!((0..9).filter(|_| buckets.take_at(1, 0).is_ok()).count(), 5);
        assert!(buckets.take_at(2, 0).is_ok(), "another caller has a bucket of its own");
        match buckets.take_at(1, tenth / 2) {
            Err(Error::RateLimited { retry_after, .. }) => assert_eq!(retry_after, Duration::from_millis(50)),
            other => panic!("{other:?}"),
        }
        assert!(buckets.take_at(1, tenth).is_ok());
        assert!(buckets.take_at(1, tenth).is_err());
        assert_eq!((0..9).filter(|_| buckets.take_at(1, 100 * tenth).is_ok()).count(), 5);
    }

    #[test]
    fn no_number_is_too_large() {
        let slowest = Buckets::new(1, Duration::from_secs(60), u32::MAX).unwrap();
        let fastest = Buckets::new(u32::MAX, Duration::from_secs(1), u32::MAX).unwrap();
        for buckets in [slowest, fastest] {
            assert!((0..9).all(|_| buckets.take_at(1, u64::MAX / 2).is_ok()));
        }
    }

    #[test]
    fn zero_is_no_limit() {
        assert!(Buckets::<u8>::new(0, Duration::from_secs(1), 5).is_none());
    }
}
