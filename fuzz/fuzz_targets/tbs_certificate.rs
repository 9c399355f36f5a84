#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let _ = tegata_fuzz::formats::tbs_certificate(octets);
});
