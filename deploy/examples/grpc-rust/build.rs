//! Makes the client from Davy's contract; no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../../proto/davy/v1");
    let contract = protox::compile(["davy/v1/ingest.proto"], ["../../../proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(contract)?;
    Ok(())
}
