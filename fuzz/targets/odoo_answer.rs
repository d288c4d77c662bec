#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| shared::fuzzing::odoo_answer(input));
