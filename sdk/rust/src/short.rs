//! Comparisons of names: a few bytes, for each event. A call of `memcmp` costs a guest more than they do.

/// Whether two names are the same. They are compared by their first and last bytes, which overlap in the middle.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..4 => one.iter().zip(other).all(|(one, other)| one == other),
        4..8 => ends_are::<4>(one, other),
        8..=16 => ends_are::<8>(one, other),
        _ => one == other,
    }
}

fn ends_are<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk::<N>() && one.last_chunk::<N>() == other.last_chunk::<N>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_at_every_length() {
        for len in 0..40 {
            let name: Vec<u8> = (0..len).collect();
            assert!(same(&name, &name.clone()));
            for at in 0..name.len() {
                let mut other = name.clone();
                other[at] ^= 0x80;
                assert!(!same(&name, &other), "{len} bytes that differ at {at}");
                assert!(!same(&name, &name[..at]));
            }
        }
    }
}
