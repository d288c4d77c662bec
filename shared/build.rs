//! `embed_migrations!` notices a changed file of `migrations/` but not a new one, so the
//! folder is watched here.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
