// Reads documents and writes whether the types can hold each of them.
use llem::ExperimentConfig;

fn main() {
    let documents: Vec<serde_json::Value> = serde_json::from_reader(std::io::stdin()).unwrap();
    let held: Vec<bool> = documents
        .into_iter()
        .map(|document| serde_json::from_value::<ExperimentConfig>(document).is_ok())
        .collect();
    println!("{}", serde_json::to_string(&held).unwrap());
}
