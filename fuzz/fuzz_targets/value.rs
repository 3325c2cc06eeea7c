//! Any stored bytes open or are damaged: no panic, and no more than `max_value_bytes` comes out. Any pickle is looked through.

#![no_main]

use hitrate::codec::{Codec, Form, pickle};
use hitrate::config::CacheSettings;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const LIMIT: usize = 1 << 16;

static CODEC: LazyLock<Codec> = LazyLock::new(|| {
    let mut settings = CacheSettings::default();
    settings.max_value_bytes = LIMIT;
    Codec::new(&settings)
});

fuzz_target!(|stored: &[u8]| {
    if let Ok((form, value)) = CODEC.open(b"key", stored) {
        assert!(value.len() <= LIMIT);
        assert!(!matches!(form, Form::Compressed(_) | Form::Signed));
        let _ = pickle::is_modest(&value);
    }
});
