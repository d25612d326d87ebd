// Rust 2 and later: create_kv, get_kv, list_kv ... A line of JSON in, a line of JSON out.

use futures_util::TryStreamExt;
use serde_json::{json, Value};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use workos::admin_portal::GenerateLinkParams;
use workos::vault::*;
use workos::*;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("the URL of the server");
    let mut clients: HashMap<String, Client> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let token = text(&asked, "token");
        let client = clients
            .entry(token.clone())
            .or_insert_with(|| Client::builder().api_key(token).base_url(url.clone()).build());
        let answer = match call(client, &text(&asked, "call"), &asked["arguments"]).await {
            Ok(returned) => json!({ "returned": returned }),
            Err(error) => raised(&error),
        };
        println!("{answer}");
        std::io::stdout().flush().expect("a reader");
    }
}

fn raised(error: &Error) -> Value {
    let kind = match error {
        Error::Api(refused) => format!("Api({})", refused.status),
        Error::VaultCrypto(_) => "VaultCrypto".to_string(),
        Error::Network(_) => "Network".to_string(),
        _ => "Error".to_string(),
    };
    let message = error.api().map(|refused| refused.message.clone());
    json!({"raised": kind, "message": message.unwrap_or(error.to_string()), "trace": error.to_string()})
}

async fn call(client: &Client, call: &str, given: &Value) -> Result<Value, Error> {
    let vault = client.vault();
    let id = text(given, "id");
    let value = || SecretString::new(text(given, "value"));
    let version_check = optional(given, "version_check");
    Ok(match call {
        "create" => {
            let object =
                CreateObjectRequest { key_context: context(given), name: text(given, "name"), value: value() };
            shown(vault.create_kv(CreateKvParams::new(object)).await?)
        }
        "read" => shown(vault.get_kv(&id).await?),
        "read_by_name" => shown(vault.get_name(&text(given, "name")).await?),
        "describe" => shown(vault.list_kv_metadata(&id).await?),
        "update" => {
            let update = UpdateObjectRequest { value: value(), version_check };
            shown(vault.update_kv(&id, UpdateKvParams::new(update)).await?)
        }
        "delete" => shown(vault.delete_kv(&id, DeleteKvParams { version_check }).await?),
        "versions" => shown(vault.list_kv_versions(&id).await?.data),
        "walk" => {
            let rows: Vec<ObjectSummary> = vault.list_kv_auto_paging(filters(given)).try_collect().await?;
            shown(rows)
        }
        "page" => {
            let page = vault.list_kv(filters(given)).await?;
            json!({
                "rows": shown(page.data),
                "before": page.list_metadata.before,
                "after": page.list_metadata.after,
            })
        }
        "create_data_key" => {
            let wanted = CreateDataKeyRequest { context: context(given) };
            shown(vault.create_data_key(CreateDataKeyParams::new(wanted)).await?)
        }
        "decrypt_data_key" => {
            let wrapped = DecryptRequest { keys: text(given, "keys") };
            shown(vault.create_decrypt(CreateDecryptParams::new(wrapped)).await?)
        }
        "rekey" => {
            let encrypted_keys = SecretString::new(text(given, "encrypted_keys"));
            let wrapped = RekeyRequest { context: context(given), encrypted_keys };
            shown(vault.create_rekey(CreateRekeyParams::new(wrapped)).await?)
        }
        "encrypt" => {
            let associated = text(given, "associated_data");
            shown(vault.encrypt(&text(given, "text"), context(given), &associated).await?.encrypted_data)
        }
        "decrypt" => shown(vault.decrypt(&text(given, "ciphertext"), &text(given, "associated_data")).await?),
        "generate_link" => {
            let wanted = GenerateLink {
                organization: text(given, "organization"),
                intent: optional(given, "intent").map(|intent| intent.parse().expect("any text")),
                return_url: optional(given, "return_url"),
                success_url: optional(given, "success_url"),
                external_user_id: Some("user_of_the_tests".to_string()),
                it_contact_emails: Some(vec!["it@acme.example".to_string()]),
            };
            shown(client.admin_portal().generate_link(GenerateLinkParams::new(wanted)).await?.link)
        }
        _ => panic!("no such call: {call}"),
    })
}

fn filters(given: &Value) -> ListKvParams {
    let mut filters = ListKvParams::default();
    filters.limit = given["limit"].as_i64();
    filters.before = optional(given, "before");
    filters.after = optional(given, "after");
    filters.search = optional(given, "search");
    filters.updated_after = optional(given, "updated_after");
    filters.order = optional(given, "order").map(|order| match order.as_str() {
        "asc" => VaultOrder::Asc,
        _ => VaultOrder::Desc,
    });
    filters
}

fn context(given: &Value) -> HashMap<String, String> {
    let pairs = given["context"].as_object().expect("an object");
    let as_text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_string);
    pairs.iter().map(|(key, value)| (key.clone(), as_text(value))).collect()
}

fn text(given: &Value, name: &str) -> String {
    optional(given, name).unwrap_or_default()
}

fn optional(given: &Value, name: &str) -> Option<String> {
    given[name].as_str().map(str::to_string)
}

fn shown<T: serde::Serialize>(answer: T) -> Value {
    serde_json::to_value(answer).expect("JSON")
}
