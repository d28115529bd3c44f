// Makes the seeds of every fuzz target: what the parsers meet on a usual day, from a generated trading day,
// and the edges of each format.
//   make_corpus FOLDER SETTINGS    FOLDER/TARGET/NAME; SETTINGS is the example settings file
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "outbox/document/canonical.h"
#include "outbox/document/codec.h"
#include "outbox/journal/facts.h"
#include "tests/fuzz/signed_sample.h"
#include "tests/fuzz/support.h"
#include "tests/support/trading_day.h"

namespace tillsync::fuzz {
namespace {

constexpr std::size_t kSeedBytesMax = 4096;  // long seeds make a fuzzer slow

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, std::string_view seed) {
    const auto folder = folder_ / target;
    std::filesystem::create_directories(folder);
    const auto path = folder / ("seed-" + std::to_string(++counts_[target]));
    std::ofstream file(path, std::ios::binary);
    file << seed;
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  }
  void print() const {
    for (const auto& [target, count] : counts_) std::printf("%s: %d seeds\n", target.c_str(), count);
  }

 private:
  const std::filesystem::path folder_;
  std::map<std::string, int> counts_;
};

/// A few bodies of each type, the shortest of a day among them.
std::vector<std::string> usual_bodies() {
  testing::TradingDayOptions options;
  options.documents = 400;
  options.tills = 3;
  options.day = BusinessDay::parse("2026-11-20").value();
  std::map<std::string, int> taken;
  std::vector<std::string> bodies;
  for (const auto& till : testing::make_trading_day(options)) {
    for (const auto& document : till) {
      if (document.body.size() <= kSeedBytesMax && taken[document.type]++ < 6)
        bodies.push_back(document.body);
    }
  }
  return bodies;
}

constexpr std::string_view kOddBodies[] = {
    R"({"id":"S","type":"sale","terminal":"T1","occurred_at":"2026-11-23T09:15:00.250+00:00","lines":[{"sku":"1","quantity":"0.333","unit_price":"3.39","amount":"1.13","discounts":[{"reason":"staff","amount":"0.13"}],"taxes":[{"code":"S","amount":"0.20"}]}],"total":"1.20","prices_include_tax":false,"tenders":[{"type":"cash","amount":"1.20","reference":"drawer"}]})",
    R"({"id":"R","type":"return","terminal":"T1","occurred_at":"2026-07-01T00:30:00+01:00","lines":[{"sku":"85123A","gtin":"4006381333931","quantity":1,"unit_price":"2.55","disposition":"resell"}],"original":{"id":"S","receipt":"4111111111111111","store":"0417"}})",
    R"({"id":"P","type":"sale","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","operator":"4111 1111-1111 1111","lines":[]})",
    R"({"id":"U","type":"customer_update","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","customer":"C","changes":{"a":1.50,"b":[null,true,-1e9,"\u00e9\ud83d\ude00"],"c":{}},"base":{"a":1e0},"extensions":{"x":"\u0000/~"}})",
    R"({"id":"N","type":"stock_count","terminal":"T1","occurred_at":"1700-01-01T00:00:00Z","customer":null,"lines":[{"sku":"1","counted":"0"}]})",
    R"({"id":"Z","type":"till_close","terminal":"T1","occurred_at":"2016-12-31T23:59:60-23:59","currency":"JPY","tenders":[{"type":"cash","amount":"-1034"}],"documents":9007199254740991})",
    R"({"id":"A","type":"stock_adjustment","terminal":"T1","occurred_at":"2026-03-29T01:30:00+00:00","business_day":"2026-02-28","terminal_sequence":1,"correlation_id":"01234567-89ab-cdef-0123-456789abcdef","lines":[{"sku":"1","quantity_delta":"-2.5","unit_price":"0"}],"reason":""})",
    R"({"id":"","type":"sales","terminal":7,"occurred_at":"2026-11-23T09:15:00","lines":[{"quantity":1.5}],"extra":1})",
    R"({"id":"D","id":"D"})",
    R"([])",
    R"({"id":"X","type":"stock_transfer","terminal":"T1","occurred_at":"2026-11-23T09:15:00Z","direction":"out","other_store":"0418","lines":[{"sku":"1","quantity":"999999999.999"}]})"};

std::vector<std::string> all_bodies() {
  auto bodies = usual_bodies();
  for (const auto body : kOddBodies) bodies.emplace_back(body);
  return bodies;
}

std::string event_of(std::string_view id, std::string_view data) {
  return R"({"specversion":"1.0","type":"com.example.sale","source":"T1","id":")" + std::string(id) +
         R"(","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":)" +
         std::string(data) + "}";
}

void add_documents(Corpus& corpus) {
  const auto bodies = all_bodies();
  std::string lines, events;
  int count = 0;
  for (const auto& body : bodies) {
    corpus.add("fuzz_document_json", body);
    corpus.add("fuzz_json", body);
    const auto value = json::parse(body);
    const std::string id(value ? value->text_of("id") : "E");
    corpus.add("fuzz_cloud_event", event_of(id, body));
    corpus.add("fuzz_ndjson", std::string(1, '\0') + body);
    lines += body + (count % 5 == 3 ? "\r\n\n" : "\n");
    events += (events.empty() ? "[" : ",") + event_of(id, body);
    if (++count % 6 == 0) {
      corpus.add("fuzz_ndjson", std::string(1, '\0') + lines);
      corpus.add("fuzz_ndjson", std::string(1, '\1') + events + "]");
      lines.clear();
      events.clear();
    }
    const auto checked = parse_document(body, store());
    const auto* document = std::get_if<Document>(&checked);
    if (document == nullptr) continue;
    const auto encoded = encode_document(*document);
    corpus.add("fuzz_codec", std::string(1, '\0') + encoded);
    corpus.add("fuzz_codec", std::string(1, '\1') + encode_document_record({"", "b7:1", "key"}, encoded));
  }
  corpus.add(
      "fuzz_cloud_event",
      R"([{"specversion":"1.0","type":"t","source":"T9","id":"E1","data":{"type":"stock_count","occurred_at":"2026-11-23T09:15:00Z","lines":[{"sku":"1","counted":1}]}},{"data":null},1])");
  corpus.add("fuzz_ndjson", std::string(1, '\1') + "[]");
  corpus.add("fuzz_ndjson",
             std::string(1, '\0') + std::string(60, '1') + "\n" + std::string(50, '\n') + "{}");
}

void add_json(Corpus& corpus) {
  for (const std::string_view text :
       {"null", "-0", "[1e400,-1E-5,0.10,123456789012345678901234567890]",
        R"({"":{"":[]},"a":"\"\\\/\b\f\n\r\t"})", R"("\ud83d\ude00 \ud800")", R"({"a":1,"a":2})",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "\xef\xbb\xbf{}", "{\"a\":tru",
        "[1,]", "\"\xff\"", " [ 1 , { \"b\" : false } ] x"}) {
    corpus.add("fuzz_json", text);
  }
}

void add_facts(Corpus& corpus) {
  OutcomeFact outcome;
  outcome.delivery = DeliveryKey{Sequence{7}, "erp"};
  outcome.target = "erp";
  outcome.outcome.kind = OutcomeKind::kRejected;
  outcome.outcome.reason = "unknown SKU";
  outcome.outcome.http_status = 422;
  outcome.outcome.answer = R"({"detail":"unknown SKU"})";
  corpus.add("fuzz_codec", "\2" + encode_outcome(outcome));
  outcome.outcome = Outcome{};
  outcome.outcome.kind = OutcomeKind::kDelivered;
  outcome.outcome.central_reference = "ERP-1";
  outcome.looked_up = true;
  corpus.add("fuzz_codec", "\2" + encode_outcome(outcome));

  DecisionFact decision;
  decision.kind = DecisionFact::Kind::kAmend;
  decision.delivery = outcome.delivery;
  decision.target = "erp";
  decision.reason = "wrong article";
  decision.by = "ann";
  const auto amended = parse_document(kOddBodies[0], store());
  decision.amended = std::get<Document>(amended);
  corpus.add("fuzz_codec", "\3" + encode_decision(decision));
  decision = DecisionFact{DecisionFact::Kind::kPause, {}, "crm", "", "ops", std::nullopt};
  corpus.add("fuzz_codec", "\3" + encode_decision(decision));

  Routes routes;
  routes.steps[DocumentType::kSale] = {{"check", "erp", {}}, {"crm", "crm", {"check"}}};
  corpus.add("fuzz_codec", "\4" + encode_routes(routes));
  corpus.add("fuzz_codec", "\5" + encode_pruned({PrunedRange{Sequence{1}, Sequence{9}, std::string(64, 'a')},
                                                 PrunedRange{}}));

  LookUpFact look_up{outcome.delivery, "erp", 2, LookUpFact::Found::kAbsent, "", 404};
  corpus.add("fuzz_codec", "\6" + encode_look_up(look_up));
  look_up.found = LookUpFact::Found::kFailed;
  look_up.reason = "connection refused \xff";
  corpus.add("fuzz_codec", "\6" + encode_look_up(look_up));
  RecoveredFact recovered{{PrunedRange{Sequence{3}, Sequence{5}, std::string(64, 'b')}},
                          true,
                          17,
                          "damaged-20261123",
                          "a bad sector",
                          "ann"};
  corpus.add("fuzz_codec", "\7" + encode_recovered(recovered));
  corpus.add("fuzz_codec", "\7" + encode_recovered({}));
  // As Journal::note_import() writes it.
  corpus.add("fuzz_codec", "\x8" + json::dump(json::Object{{"store", "0417"},
                                                           {"sha256", std::string(64, 'c')},
                                                           {"from", 1},
                                                           {"to", 9},
                                                           {"head_hash", std::string(64, 'd')}}));
}

void add_exports(Corpus& corpus) {
  const auto& whole = sample_export();
  const auto content = whole.substr(0, trailer_at(whole));
  const auto first = content.find('\n') + 1, second = content.find('\n', first) + 1;
  const auto lines = {content,
                      content.substr(0, first),
                      content.substr(0, second),
                      content.substr(0, first) + content.substr(second),  // begins later
                      content + content.substr(first),
                      content.substr(first)};
  const std::string file(1, '\0'), signed_here("\1\0\x10\0", 4);
  for (const auto& some : lines) corpus.add("fuzz_import", signed_here + some);
  auto header = content.substr(0, first);
  for (const auto* from : {"\"from\":0,", "\"from\":-9223372036854775808,", "\"from\":1e3,"}) {
    const auto at = header.find("\"from\":1,");
    if (at == std::string::npos) throw std::runtime_error("the sample begins with record 1");
    corpus.add("fuzz_import",
               signed_here + header.substr(0, at) + from + header.substr(at + 9) + content.substr(first));
  }
  // As a file nothing else is signed than the sample itself: the target holds the parser to that.
  for (const auto& odd : {whole, whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 1),
                          whole.substr(0, trailer_at(whole)), whole + "\n", whole + whole, std::string()})
    corpus.add("fuzz_import", file + odd);
  auto changed = whole;
  changed[first + 30] ^= 1;
  corpus.add("fuzz_import", file + changed);
  // Changes, each a place and what is turned there; then how much is cut off, and what is behind.
  corpus.add("fuzz_import", std::string("\2\0\0\0", 4));
  corpus.add("fuzz_import", std::string("\2\1\1\x10\1\0\0", 7));
  corpus.add("fuzz_import", std::string("\2\2\1\x10\1\1\x10\1\0\0", 10));
  // The last character in front of the padding of both base64 texts: the next one differs in unused bits
  // only.
  for (std::size_t at = trailer_at(whole) + 1; at < whole.size(); ++at) {
    if (whole[at] != '=' || whole[at - 1] == '=') continue;
    const auto place = at - 1;
    const char changed_by = static_cast<char>(whole[place] ^ (whole[place] + 1));
    corpus.add("fuzz_import", std::string("\2\1", 2) + static_cast<char>(place / 256) +
                                  static_cast<char>(place % 256) + changed_by + std::string(2, '\0'));
  }
  corpus.add("fuzz_import", std::string("\2\0\0\1", 4));
  corpus.add("fuzz_import", std::string("\2\0\0\1\n", 5));
  corpus.add("fuzz_import", std::string("\2\0\0\0 \n", 6));
}

void add_requests(Corpus& corpus) {
  const std::string usual = std::string("\x10\0\0", 3);
  const std::string tight = std::string("\x03\1\1", 3);
  for (const std::string& text :
       {std::string(
            "POST /v1/documents HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\nContent-Length: "
            "2\r\nPrefer: wait=5\r\n\r\n{}GET /v1/documents/a%2Fb?limit=1&x HTTP/1.1\r\nHost: till\r\n\r\n"),
        std::string("POST /v1/documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                    "chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n"
                    "0\r\nTrailer: late\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
        std::string(
            "GET http://host:80/healthz?a=%zz#f HTTP/1.1\r\nHost: b\r\nExpect: 100-continue\r\nConnection: "
            "close\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        std::string("HEAD / HTTP/1.1\nHost: a\n\nOPTIONS * HTTP/1.1\r\n folded: x\r\n\r\n"),
        "GET /" + std::string(300, 'a') + " HTTP/1.1\r\nX: " + std::string(300, 'b') + "\r\n\r\n"}) {
    corpus.add("fuzz_request_head", usual + text);
    corpus.add("fuzz_request_head", tight + text);
  }
}

void add_settings(Corpus& corpus, const std::string& example) {
  corpus.add("fuzz_settings", example);
  for (const std::string_view text :
       {"[store]\nid = \"0417\"\ncurrency = \"GBP\"\nday_starts_at = \"23:59\"\n[targets.erp]\nbase_url = "
        "\"https://erp.example.com/x\"\ntoken = \"file:erp.token\"\nrate_per_s = 2.5\nbackoff_min_s = "
        "0.5\n[targets.erp.auth]\nkind = \"oauth2\"\n",
        "[store]\nid = \"1\"\ncurrency = \"EUR\"\n[targets.crm]\nbase_url = "
        "\"http://[::1]:8080\"\n[targets.crm.auth]\n"
        "kind = \"basic\"\nuser = \"u\"\npassword = \"env:P\"\n[routes]\nreturn = [{step = \"a\", target = "
        "\"crm\"}, {step = "
        "\"b\", target = \"crm\", needs = [\"a\"]}]\nsale = [\"crm\"]\n",
        "[targets.erp]\ntoken = \"hunter2-12345678\"\nconcurency = 1\ntimeout_s = nan\nbatch_max = -1\n",
        "[routes]\nsale = "
        "[{step=\"a\",target=\"x\",needs=[\"b\"]},{step=\"b\",target=\"x\",needs=[\"a\"]}]\n",
        "a.b.c = 2026-11-23T09:15:00Z\nx = [1, [2.5e3, '''\n''']]\n\"\\u0007\" = inf\n", "[store\n"}) {
    corpus.add("fuzz_settings", text);
  }
}

void add_connectors(Corpus& corpus) {
  const std::string submit =
      "format = 1\nsafe_to_resend = \"x\"\n[[submit]]\ntypes = [\"sale\"]\n[[submit.requests]]\n";
  const std::string ask = "[{path = '/', answer = '.'}]\n";
  for (const std::string& text :
       {submit + R"(path = '/a/{.parameters.b}?c={ {d: "}"}.d }'
headers = {"X-Key" = "{.e}{{}}"}
)",
        submit + R"toml(name = "a"
path = '/'
when = '''
.b # c
'''
body_kind = "form"
body = """
.d"""
[[submit.requests]]
name = "b"
method = "GET"
path = '/{"\(1)"}'
answer = '.'
)toml",
        submit + "path = '/'\n[parameters.a]\nabout = \"b\"\nkind = \"object\"\ndefault = {c = [1, true]}\n" +
            "[session.login]\npath = '/'\nanswer = '.'\n[submit_batch]\ntypes = [\"sale\"]\nbatch_max = " +
            "2\nrequests = " + ask + "[read_back]\nrequests = " + ask,
        "format = 1\nconcurrency_max = 4\n[[submit]]\ntypes = [\"return\"]\nrequests = [{path = " +
            std::string("'/'}]\n[[lookup]]\ntypes = [\"return\"]\nrequests = ") + ask,
        submit + "path = '/{.a'\nbody = ' '\nmethd = 1\nheaders = {Host = \"a\"}\n",
        std::string("format = 2\n")}) {
    corpus.add("fuzz_connector_file", text);
  }
}

void add_answers(Corpus& corpus) {
  const std::string_view bodies[] = {
      R"({"central_reference":"ERP-1"})",
      R"({"type":"urn:x:in-progress","title":"busy","detail":"locked"})",
      R"([{"status":201,"central_reference":"E1"},{"status":422,"problem":{"detail":"unknown SKU"},"retry_after":9}])",
      R"({"documents":[{"reference":"0417/T1-1","step":"erp","central_reference":"E1"}]})",
      R"({"documents":[]})",
      R"({"access_token":"abc.def","token_type":"Bearer","expires_in":"3600"})",
      R"({"error":"invalid_client"})",
      "<html>\x80 502 </html>",
      ""};
  char status = 0;
  for (const auto body : bodies) {
    for (const std::string_view head :
         {"\n\n", "120\n\n", "Fri, 20 Nov 2026 09:00:10 GMT\nFri, 20 Nov 2026 09:00:00 GMT\n"}) {
      for (const char chosen : {'\0', static_cast<char>(status % 20)}) {
        corpus.add("fuzz_target_answer",
                   std::string(1, chosen) + "\1" + std::string(head) + std::string(body));
      }
      ++status;
    }
  }
}

void add_pages(Corpus& corpus) {
  std::string rows;
  for (const auto& body : usual_bodies()) {
    rows +=
        (rows.empty() ? "" : ",") +
        (R"({"reference":"0417/T1-1","step":"erp","central_reference":"E-1","total":"12.50","currency":"GBP","recorded_at":"2026-11-20T10:00:00Z","document":)" +
         body + "}");
    if (rows.size() > kSeedBytesMax / 2) break;
  }
  corpus.add("fuzz_central_page", R"({"documents":[)" + rows + R"(],"next":"c2"})");
  corpus.add(
      "fuzz_central_page",
      R"({"documents":[{"reference":"a/b","step":"s","central_reference":"c","total":-7,"currency":"JPY"},{"reference":"a","step":"s","central_reference":"c","total":null,"currency":null,"document":null}],"next":null})");
  corpus.add("fuzz_central_page", R"({"documents":[{"total":1.5}]})");
  corpus.add("fuzz_central_page", R"({"next":""})");
  corpus.add("fuzz_digest_answer",
             R"({"days":[{"business_day":"2026-11-23","count":2,"sums":[8589934590,0,1,2]}]})");
  corpus.add(
      "fuzz_digest_answer",
      R"({"parts":[{"prefix":"0a","count":1,"sums":[1,2,3,4]},{"prefix":"","count":0,"sums":[0,0,0,0]}]})");
  corpus.add(
      "fuzz_changes",
      R"({"changes":[{"path":"/customers/42","etag":"\"v1\"","value":{"id":"42","email":"a@b.example","phone":"+44 (0)20 7946 0000"}},{"path":"/stock/A%201?store=0417","etag":null,"value":{"sku":"A 1","store":"0417","quantity":"-2.500"}},{"path":"/prices/A1","value":null},{"path":"/refund-policy","etag":"x"},{"path":"/vendors/1"}],"cursor":"17"})");
  corpus.add("fuzz_changes",
             R"({"changes":[{"path":"/prices/A","value":{"note":"4111 1111 1111 1111"}}],"cursor":9})");
  corpus.add("fuzz_changes", R"({"changes":[],"cursor":"c"})");
}

void add_poslogs(Corpus& corpus) {
  const auto transaction = [](const std::string& attributes, const std::string& inside) {
    return "<Transaction" + attributes +
           "><RetailStoreID>0417</RetailStoreID><WorkstationID>T1</WorkstationID><SequenceNumber>7"
           "</SequenceNumber><BusinessDayDate>2026-11-20</BusinessDayDate><EndDateTime>2026-11-20T10:00:00"
           "</EndDateTime>" +
           inside + "</Transaction>";
  };
  const std::string sold =
      "<LineItem><Sale><POSIdentity POSIDType=\"GTIN\"><POSItemID>4006381333931</POSItemID></POSIdentity>"
      "<Description>pen</Description><RegularSalesUnitPrice>2.00</RegularSalesUnitPrice><ExtendedAmount>5.40"
      "</ExtendedAmount><Quantity Units=\"1\">3</Quantity><RetailPriceModifier><Amount>0.60</Amount>"
      "<PromotionID>P</PromotionID></RetailPriceModifier><Tax><Percent>20</Percent><Amount>0.900001</"
      "Amount></Tax>"
      "</Sale><SequenceNumber>1</SequenceNumber></LineItem>";
  const std::string returned =
      "<LineItem><Return><ItemID>old</ItemID><ActualSalesUnitPrice>1.00</"
      "ActualSalesUnitPrice><TransactionLink>"
      "<WorkstationID>T1</WorkstationID><SequenceNumber>6</SequenceNumber><BusinessDayDate>2026-11-19"
      "</BusinessDayDate></TransactionLink></Return></LineItem>";
  const std::string paid =
      "<LineItem><Tender "
      "TenderType=\"Cash\"><Amount>10.00</Amount></Tender></LineItem><LineItem><TenderChange "
      "TenderType=\"Cash\"><Amount>4.60</Amount></TenderChange></LineItem><Total "
      "TotalType=\"TransactionGrandAmount\">5.40</Total>";
  const std::string off =
      "<LineItem><Discount><Amount Action=\"Subtract\">0.60</Amount><PromotionID>P</PromotionID><ItemLink>1"
      "</ItemLink></Discount></LineItem><LineItem><Sale "
      "ItemType=\"Deposit\"><ItemID>d</ItemID><ExtendedAmount>1"
      "</ExtendedAmount><ItemLink>1</ItemLink></Sale></LineItem>";
  for (const auto& inside : {sold + paid, returned, sold + returned, sold + off + paid, std::string()}) {
    const auto retail = "<RetailTransaction>" + inside + "</RetailTransaction>";
    corpus.add("fuzz_poslog", "<POSLog>" + transaction("", retail) + "</POSLog>");
    corpus.add("fuzz_poslog", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><n:DigitalReceipt>" +
                                  transaction(" TrainingModeFlag=\"true\"", retail) +
                                  transaction("", retail) + "</n:DigitalReceipt>");
  }
  corpus.add("fuzz_poslog", "<POSLog>" + transaction("", "<ControlTransaction/>") +
                                transaction("", "<InventoryTransaction/>") + "</POSLog>");
  corpus.add("fuzz_poslog", "<!DOCTYPE a [<!ENTITY b \"c\">]><POSLog>&b;</POSLog>");
  corpus.add("fuzz_poslog", std::string("\xff\xfe<\0P\0/\0>\0", 10));
}

void add_small_texts(Corpus& corpus) {
  for (const std::string_view text : {"0",
                                      "-0.00",
                                      "12.3456789",
                                      "999999999999999.9999999",
                                      "007",
                                      "1.",
                                      "+1",
                                      "2026-11-23T09:15:00.123456789+01:00",
                                      "2016-12-31t23:59:60z",
                                      "2200-12-31T23:59:60-23:59",
                                      "1700-01-01T00:00:00+23:59",
                                      "2024-02-29",
                                      "2023-02-29",
                                      "4006381333931",
                                      "96385074",
                                      "036000291452",
                                      "4111 1111 1111 1111",
                                      "5555-5555-5555-4444",
                                      "6304000000000000",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "\"quoted key\"",
                                      "respond-async, wait=\"10\"; x, wait=5",
                                      "wait=99999999999",
                                      "application/json; charset=\"utf-8\"",
                                      "application/cloudevents-batch+json",
                                      "01234567-89ab-cdef-0123-456789abcdef"}) {
    corpus.add("fuzz_decimal_time", text);
  }
}

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace
}  // namespace tillsync::fuzz

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_corpus FOLDER SETTINGS\n");
    return 2;
  }
  try {
    using namespace tillsync::fuzz;
    Corpus corpus(argv[1]);
    add_documents(corpus);
    add_json(corpus);
    add_facts(corpus);
    add_exports(corpus);
    add_requests(corpus);
    add_settings(corpus, contents_of(argv[2]));
    add_connectors(corpus);
    add_answers(corpus);
    add_pages(corpus);
    add_poslogs(corpus);
    add_small_texts(corpus);
    corpus.print();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return 1;
  }
}
