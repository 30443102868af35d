//! Fixed-width base62 (`0-9A-Za-z`, big-endian, zero-padded), so that text sorts as the bytes do.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Five digits at a time: 62⁵ is the largest power of 62 below 2³².
const CHUNK: u64 = 62u64.pow(5);
const CHUNK_DIGITS: usize = 5;
/// Ten at a time where nothing has to be divided: 62¹⁰ is the largest power of 62 below 2⁶⁴.
const WIDE_CHUNK_DIGITS: usize = 10;
/// The widest number is a credential's.
const MAX_BYTES: usize = 40;
/// As many as it has, in whole chunks.
const MAX_DIGITS: usize = 55;

/// Appends `number` (big-endian, a multiple of four bytes) in exactly `width` digits.
pub(super) fn encode_into(number: &[u8], width: usize, out: &mut String) {
    let mut limbs = [0u32; MAX_BYTES / 4];
    let limbs = &mut limbs[..number.len() / 4];
    for (limb, bytes) in limbs.iter_mut().zip(number.chunks_exact(4)) {
        *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte));
    }
    let mut digits = [b'0'; MAX_DIGITS];
    let (chunks, _) = digits.as_chunks_mut::<CHUNK_DIGITS>();
    let mut first = 0;
    for chunk in chunks.iter_mut().rev().take(width.div_ceil(CHUNK_DIGITS)) {
        // What is left gets shorter with each chunk.
        while limbs.get(first) == Some(&0) {
            first += 1;
        }
        let mut rest = 0u64;
        for limb in &mut limbs[first..] {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / CHUNK) as u32;
            rest = value % CHUNK;
        }
        let mut rest = rest as u32;
        for digit in chunk.iter_mut().rev() {
            *digit = ALPHABET[(rest % 62) as usize];
            rest /= 62;
        }
    }
    // Digits are ASCII.
    out.push_str(std::str::from_utf8(&digits[MAX_DIGITS - width..]).unwrap_or_default());
}

/// Reads digits back into `number`; `None` for a foreign character or a value that does not fit.
pub(super) fn decode_into(digits: &[u8], number: &mut [u8]) -> Option<()> {
    let mut limbs = [0u64; MAX_BYTES / 8];
    let limbs = &mut limbs[..number.len().div_ceil(8)];
    let (chunks, rest) = digits.as_chunks::<WIDE_CHUNK_DIGITS>();
    for chunk in chunks {
        push(limbs, chunk)?;
    }
    push(limbs, rest)?;
    let mut bytes = [0; MAX_BYTES];
    for (bytes, limb) in bytes.chunks_exact_mut(8).zip(limbs.iter()) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    let (over, value) = bytes[..limbs.len() * 8].split_at(limbs.len() * 8 - number.len());
    number.copy_from_slice(value);
    over.iter().all(|byte| *byte == 0).then_some(())
}

/// Appends digits to a number; where it is known how many they are, none of them is counted.
#[inline(always)]
fn push(limbs: &mut [u64], digits: &[u8]) -> Option<()> {
    let (mut carry, mut scale, mut seen) = (0u64, 1u64, 0);
    for digit in digits {
        let value = VALUES[usize::from(*digit)];
        (carry, scale, seen) = (carry * 62 + u64::from(value), scale * 62, seen | value);
    }
    if seen & FOREIGN != 0 {
        return None;
    }
    for limb in limbs.iter_mut().rev() {
        let value = u128::from(*limb) * u128::from(scale) + u128::from(carry);
        *limb = value as u64;
        carry = (value >> 64) as u64;
    }
    (carry == 0).then_some(())
}

/// A bit that no digit's value has.
const FOREIGN: u8 = 1 << 7;
/// What each digit is worth.
const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(number: &[u8], width: usize) -> String {
        let mut out = String::new();
        encode_into(number, width, &mut out);
        out
    }

    proptest! {
        #[test]
        fn survives_the_round_trip(number: [u8; 16]) {
            let text = encode(&number, 22);
            prop_assert_eq!(text.len(), 22);
            let mut back = [0; 16];
            prop_assert!(decode_into(text.as_bytes(), &mut back).is_some());
            prop_assert_eq!(back, number);
        }

        #[test]
        fn sorts_as_the_bytes_do(a: [u8; 16], b: [u8; 16]) {
            prop_assert_eq!(a.cmp(&b), encode(&a, 22).cmp(&encode(&b, 22)));
        }

        #[test]
        fn survives_at_credential_width(number in proptest::array::uniform32(any::<u8>()), tail: [u8; 8]) {
            let bytes = [&number[..], &tail[..]].concat();
            let mut back = [0; 40];
            prop_assert!(decode_into(encode(&bytes, 54).as_bytes(), &mut back).is_some());
            prop_assert_eq!(&back[..], &bytes[..]);
        }
    }

    #[test]
    fn known_values() {
        assert_eq!(encode(&[0; 4], 6), "000000");
        assert_eq!(encode(&61u32.to_be_bytes(), 6), "00000z");
        assert_eq!(encode(&62u32.to_be_bytes(), 6), "000010");
        assert_eq!(encode(&[0xff; 16], 22), "7n42DGM5Tflk9n8mt7Fhc7");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(decode_into(b"zzzzzzzzzzzzzzzzzzzzzz", &mut [0; 16]).is_none());
        assert!(decode_into(b"7n42DGM5Tflk9n8mt7Fhc8", &mut [0; 16]).is_none());
        assert!(decode_into(b"00000-", &mut [0; 4]).is_none());
        // 2³² - 1 is the last that fits into four bytes.
        let mut four = [0; 4];
        assert!(decode_into(b"4gfFC3", &mut four).is_some() && four == [0xff; 4]);
        assert!(decode_into(b"4gfFC4", &mut four).is_none());
    }
}
