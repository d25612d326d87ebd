// Kotlin 7, used from Java: createKv, getKv, listKv ... A line of JSON in, a line of JSON out.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.workos.WorkOS;
import com.workos.common.exceptions.WorkOSGenericException;
import com.workos.common.http.Page;
import com.workos.common.json.ObjectMapperFactory;
import com.workos.models.ObjectSummary;
import com.workos.types.GenerateLinkIntent;
import com.workos.types.SortOrder;
import com.workos.vault.Vault;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class Driver {
  static final ObjectMapper JSON = ObjectMapperFactory.create();

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    var clients = new HashMap<String, WorkOS>();
    for (String line; (line = in.readLine()) != null; ) {
      var asked = JSON.readTree(line);
      var answer = JSON.createObjectNode();
      try {
        var client =
            clients.computeIfAbsent(
                asked.get("token").asText(),
                token -> WorkOS.builder().apiKey(token).apiBaseUrl(arguments[0]).build());
        answer.set("returned", JSON.valueToTree(call(client, asked.get("call").asText(), asked.get("arguments"))));
      } catch (Exception raised) {
        var trace = new StringWriter();
        raised.printStackTrace(new PrintWriter(trace));
        answer.put("raised", kind(raised)).put("message", raised.getMessage()).put("trace", trace.toString());
      }
      out.println(JSON.writeValueAsString(answer));
    }
    System.exit(0); // kept-alive connections would hold it
  }

  /** The exception's class; with the status, where the class is that of many. */
  static String kind(Exception raised) {
    var name = raised.getClass().getSimpleName();
    return raised instanceof WorkOSGenericException generic ? name + "(" + generic.status + ")" : name;
  }

  static Object call(WorkOS client, String call, JsonNode given) {
    var vault = client.getVault();
    var id = text(given, "id");
    var value = text(given, "value");
    var check = text(given, "version_check");
    var associated = text(given, "associated_data");
    switch (call) {
      case "create":
        return vault.createKv(context(given), text(given, "name"), value);
      case "read":
        return vault.getKv(id);
      case "read_by_name":
        return vault.getName(text(given, "name"));
      case "describe":
        return vault.listKvMetadata(id);
      case "update":
        return check == null ? vault.updateKv(id, value) : vault.updateKv(id, value, check);
      case "delete":
        if (check == null) vault.deleteKv(id);
        else vault.deleteKv(id, check);
        return null;
      case "versions":
        return vault.listKvVersions(id).getData();
      case "walk":
        List<Object> rows = new ArrayList<>();
        list(vault, given).autoPagingIterable().forEach(rows::add);
        return rows;
      case "page":
        var page = list(vault, given);
        var shown = new LinkedHashMap<String, Object>();
        shown.put("rows", page.data);
        shown.put("before", page.listMetadata.before);
        shown.put("after", page.listMetadata.after);
        return shown;
      case "create_data_key":
        return vault.createDataKey(context(given));
      case "decrypt_data_key":
        return vault.createDecrypt(text(given, "keys"));
      case "rekey":
        return vault.createRekey(context(given), text(given, "encrypted_keys"));
      case "encrypt":
        var plain = text(given, "text");
        return associated == null
            ? vault.encrypt(plain, context(given))
            : vault.encrypt(plain, context(given), associated);
      case "decrypt":
        var sealed = text(given, "ciphertext");
        return associated == null ? vault.decrypt(sealed) : vault.decrypt(sealed, associated);
      case "generate_link":
        return client
            .getAdminPortal()
            .generateLink(
                text(given, "organization"),
                text(given, "return_url"),
                text(given, "success_url"),
                intent(text(given, "intent")),
                List.of("it@acme.example"))
            .getLink();
      default:
        throw new IllegalArgumentException("no such call: " + call);
    }
  }

  static Page<ObjectSummary> list(Vault vault, JsonNode given) {
    var limit = given.hasNonNull("limit") ? given.get("limit").asInt() : null;
    var order = "asc".equals(text(given, "order")) ? SortOrder.Asc : null;
    var after = text(given, "updated_after");
    return vault.listKv(
        limit,
        text(given, "before"),
        text(given, "after"),
        order,
        text(given, "search"),
        after == null ? null : OffsetDateTime.parse(after));
  }

  static GenerateLinkIntent intent(String value) {
    return GenerateLinkIntent.getEntries().stream().filter(each -> each.getValue().equals(value)).findFirst().get();
  }

  static String text(JsonNode given, String name) {
    return given.hasNonNull(name) ? given.get(name).asText() : null;
  }

  static Map<String, String> context(JsonNode given) {
    var pairs = new LinkedHashMap<String, String>();
    given.get("context").properties().forEach(pair -> pairs.put(pair.getKey(), pair.getValue().asText()));
    return pairs;
  }
}
