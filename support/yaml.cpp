#include "support/yaml.hpp"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <array>
#include <new>
#include <unordered_map>

#include "support/text_file.hpp"

namespace perfmodel {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

int characters(std::string_view text) {
  return static_cast<int>(text.size()) - static_cast<int>(std::ranges::count_if(text, is_continuation));
}

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

bool is_null(std::string_view plain) {
  return plain.empty() || plain == "~" || plain == "null" || plain == "Null" || plain == "NULL";
}

// Builds the tree from the parser's events, which show duplicate keys and circular aliases as they are written.
class TreeBuilder {
 public:
  // The events are of the source's text from the byte `start` on; that must lie in the first line.
  TreeBuilder(SourcePtr source, std::size_t start, const YamlLimits& limits)
      : source_(std::move(source)),
        skipped_(characters(std::string_view(source_->text).substr(0, start))),
        limits_(limits) {}

  void take(const yaml_event_t& event) {
    const yaml_mark_t& mark = event.start_mark;
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) refuse(mark, "a second document starts here, expected one");
        return;
      case YAML_ALIAS_EVENT: return alias(mark, view(event.data.alias.anchor));
      case YAML_SCALAR_EVENT: return scalar(mark, event);
      case YAML_SEQUENCE_START_EVENT:
        open(mark, view(event.data.sequence_start.tag), view(event.data.sequence_start.anchor), YamlKind::list);
        return;
      case YAML_MAPPING_START_EVENT:
        open(mark, view(event.data.mapping_start.tag), view(event.data.mapping_start.anchor), YamlKind::map);
        return;
      case YAML_MAPPING_END_EVENT: check_duplicates(stack_.back().data->entries); return close();
      case YAML_SEQUENCE_END_EVENT: return close();
      default: return;
    }
  }

  [[noreturn]] void refuse(const yaml_mark_t& mark, std::string message) {
    diagnostics_.error(location(mark), std::move(message));
    throw InputError(diagnostics_);
  }

  YamlNode finish() {
    diagnostics_.throw_if_errors();
    if (root_.is_missing()) throw InputError(file_location(source_->name), "has no values, only comments or blanks");
    return root_;
  }

 private:
  struct Frame {
    std::shared_ptr<YamlNode::Data> data;
    std::string anchor;
    std::size_t nodes = 1;
    std::size_t height = 1;
    bool has_key = false;  // of a map: the next value belongs to the last entry
  };
  struct Built {
    YamlNode node;
    std::size_t nodes = 1;
    std::size_t height = 1;
  };

  [[nodiscard]] Location location(const yaml_mark_t& mark) const {
    const int column = 1 + static_cast<int>(mark.column) + (mark.line == 0 ? skipped_ : 0);
    return {source_, 1 + static_cast<int>(mark.line), column};
  }

  void scalar(const yaml_mark_t& mark, const yaml_event_t& event) {
    const auto& found = event.data.scalar;
    const bool quoted = found.style != YAML_PLAIN_SCALAR_STYLE;
    const std::string_view text(reinterpret_cast<const char*>(found.value), found.length);
    const bool null = !quoted && is_null(text);
    YamlNode::Data& data = open(mark, view(found.tag), view(found.anchor), null ? YamlKind::null : YamlKind::scalar);
    data.quoted = quoted;
    if (!null) data.text = text;
    close();
  }

  void alias(const yaml_mark_t& mark, std::string_view anchor) {
    if (std::ranges::find(stack_, anchor, &Frame::anchor) != stack_.end()) {
      refuse(mark, "an alias inside of what it stands for");
    }
    const auto found = anchors_.find(std::string(anchor));
    if (found == anchors_.end()) refuse(mark, "no anchor of this name before this place");
    const Built& built = found->second;
    count(mark, built.nodes);
    check_depth(mark, built.height);
    place(built);
  }

  YamlNode::Data& open(const yaml_mark_t& mark, std::string_view tag, std::string_view anchor, YamlKind kind) {
    if (!tag.empty() && tag != "!") refuse(mark, fmt::format("tags such as '{}' are not read", tag));
    count(mark, 1);
    check_depth(mark, 1);
    auto data = std::make_shared<YamlNode::Data>();
    data->kind = kind;
    data->location = location(mark);
    stack_.push_back({std::move(data), std::string(anchor)});
    return *stack_.back().data;
  }

  void close() {
    const Frame frame = std::move(stack_.back());
    stack_.pop_back();
    const Built built{YamlNode(frame.data), frame.nodes, frame.height};
    if (!frame.anchor.empty()) anchors_[frame.anchor] = built;
    place(built);
  }

  void place(const Built& built) {
    if (stack_.empty()) {
      root_ = built.node;
      return;
    }
    Frame& parent = stack_.back();
    parent.nodes += built.nodes;
    parent.height = std::max(parent.height, built.height + 1);
    if (parent.data->kind == YamlKind::list) {
      parent.data->items.push_back(built.node);
    } else if (parent.has_key) {
      parent.data->entries.back().value = built.node;
      parent.has_key = false;
    } else {
      place_key(parent, built.node);
    }
  }

  void place_key(Frame& map, const YamlNode& key) {
    const Location where = key.location();
    if (!key.is_scalar()) diagnostics_.error(where, fmt::format("a key must be text, not {}", kind_name(key.kind())));
    if (key.text() == "<<" && !key.quoted()) diagnostics_.error(where, "merge keys ('<<') are not read");
    map.data->entries.push_back({key.text(), where, {}});
    map.has_key = true;
  }

  void check_duplicates(const std::vector<YamlEntry>& entries) {
    std::unordered_map<std::string_view, const YamlEntry*> seen;
    for (const YamlEntry& entry : entries) {
      const auto [first, fresh] = seen.emplace(entry.key, &entry);
      if (fresh) continue;
      diagnostics_.error(entry.key_location, fmt::format("key '{}' is given twice", entry.key))
          .note(first->second->key_location, "first given here");
    }
  }

  // The sum is what a reader walking through the aliases would visit.
  void count(const yaml_mark_t& mark, std::size_t nodes) {
    node_count_ += nodes;
    if (node_count_ <= limits_.max_nodes) return;
    refuse(mark, fmt::format("more than {} values, aliases counted with all that they stand for", limits_.max_nodes));
  }

  void check_depth(const yaml_mark_t& mark, std::size_t height) {
    if (stack_.size() + height <= limits_.max_depth) return;
    refuse(mark, fmt::format("nested more than {} levels deep", limits_.max_depth));
  }

  SourcePtr source_;
  int skipped_;  // characters of the first line that are not parsed
  YamlLimits limits_;
  Diagnostics diagnostics_;
  std::vector<Frame> stack_;
  std::unordered_map<std::string, Built> anchors_;
  YamlNode root_;
  std::size_t node_count_ = 0;
  int documents_ = 0;
};

// The mark behind the last character that is no blank.
yaml_mark_t end_of(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  const std::size_t start = text.rfind('\n') + 1;  // npos + 1 == 0
  return {.index = 0,
          .line = static_cast<std::size_t>(std::ranges::count(text, '\n')),
          .column = static_cast<std::size_t>(characters(text.substr(start)))};
}

// libyaml puts some faults behind the last line; the end of the text is where the reader should look.
yaml_mark_t within(std::string_view text, const yaml_mark_t& mark) {
  const yaml_mark_t end = end_of(text);
  return mark.line > end.line ? end : mark;
}

// libyaml's messages in the user's words.
std::string_view in_user_words(std::string_view message) {
  struct Wording {
    std::string_view theirs;
    std::string_view ours;
  };
  static constexpr std::array<Wording, 11> wordings{{
      {"did not find expected node content", "expected a value here"},
      {"did not find expected ',' or ']'", "expected ',' or ']' in a list"},
      {"did not find expected ',' or '}'", "expected ',' or '}' in a map"},
      {"did not find expected key", "expected a key here, is the indentation right?"},
      {"did not find expected '-' indicator", "expected '- ' here, is the indentation right?"},
      {"could not find expected ':'", "expected ':' after this key"},
      {"mapping values are not allowed in this context", "unexpected ':', quote the text if it belongs to it"},
      {"found character that cannot start any token", "a plain text cannot begin with this character, quote it"},
      {"did not find expected alphabetic or numeric character", "expected a name after '&' or '*'"},
      {"found unexpected end of stream", "quote is never closed"},
      {"did not find expected <document start>", "expected the end of the file, is the indentation right?"},
  }};
  const auto* const found = std::ranges::find(wordings, message, &Wording::theirs);
  return found == wordings.end() ? message : found->ours;
}

struct Parser {
  explicit Parser(std::string_view text) {
    if (yaml_parser_initialize(&state) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&state, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml_parser_delete(&state); }

  yaml_parser_t state{};
};

struct Event {
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&value); }

  yaml_event_t value{};
};

[[noreturn]] void refuse(TreeBuilder& builder, std::string_view text, const yaml_parser_t& parser) {
  if (parser.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
  if (parser.error == YAML_READER_ERROR) {
    builder.refuse(end_of(text.substr(0, parser.problem_offset)), parser.problem);
  }
  // Of a quote without its end and a key without its colon the beginning says more than where that shows.
  const std::string_view problem = parser.problem;
  const bool at_beginning = problem == "found unexpected end of stream" || problem == "could not find expected ':'";
  builder.refuse(within(text, at_beginning ? parser.context_mark : parser.problem_mark),
                 std::string(in_user_words(problem)));
}

// Parses `text`, which is `source` from its byte `start` on; that must lie in the first line.
YamlNode parse(const SourcePtr& source, std::string_view text, std::size_t start, const YamlLimits& limits) {
  TreeBuilder builder(source, start, limits);
  Parser parser(text);
  for (bool ended = false; !ended;) {
    Event event;
    if (yaml_parser_parse(&parser.state, &event.value) == 0) refuse(builder, text, parser.state);
    builder.take(event.value);
    ended = event.value.type == YAML_STREAM_END_EVENT;
  }
  return builder.finish();
}

YamlNode load(const SourcePtr& source, const YamlLimits& limits) {
  require_text(source, /*require_utf8=*/true);
  return parse(source, source->text, 0, limits);
}

}  // namespace

YamlKind YamlNode::kind() const { return data_ ? data_->kind : YamlKind::missing; }

Location YamlNode::location() const { return data_ ? data_->location : Location{}; }

const std::string& YamlNode::text() const {
  static const std::string none;
  return data_ ? data_->text : none;
}

bool YamlNode::quoted() const { return data_ && data_->quoted; }

const std::vector<YamlNode>& YamlNode::items() const {
  static const std::vector<YamlNode> none;
  return data_ ? data_->items : none;
}

const std::vector<YamlEntry>& YamlNode::entries() const {
  static const std::vector<YamlEntry> none;
  return data_ ? data_->entries : none;
}

YamlNode YamlNode::find(std::string_view key) const {
  const std::vector<YamlEntry>& all = entries();
  const auto found = std::find_if(all.begin(), all.end(), [&](const YamlEntry& entry) { return entry.key == key; });
  return found == all.end() ? YamlNode() : found->value;
}

YamlNode load_yaml_file(const std::string& path, const YamlLimits& limits) {
  return load(read_source(path, limits.max_size), limits);
}

YamlNode load_yaml_text(std::string text, std::string_view name, const YamlLimits& limits) {
  const SourcePtr source = make_source(name, std::move(text));
  if (source->text.size() > limits.max_size) {
    throw InputError(file_location(name),
                     fmt::format("is larger than {} bytes, the most that is read", limits.max_size));
  }
  return load(source, limits);
}

YamlNode make_yaml_scalar(std::string text, Location location) {
  auto data = std::make_shared<YamlNode::Data>();
  data->kind = YamlKind::scalar;
  data->text = std::move(text);
  data->location = std::move(location);
  return YamlNode(std::move(data));
}

std::string_view kind_name(YamlKind kind) {
  switch (kind) {
    case YamlKind::missing:
    case YamlKind::null: return "nothing";
    case YamlKind::scalar: return "a single value";
    case YamlKind::list: return "a list";
    case YamlKind::map: return "a map";
  }
  return "nothing";
}

YamlAssignment parse_assignment(std::string_view text, std::string_view option) {
  const auto source = std::make_shared<const Source>(Source{std::string(option), std::string(text)});
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) throw InputError({source, 1, 1}, "expected KEY=VALUE");
  if (equals == 0) throw InputError({source, 1, 1}, "no key before '='");
  const std::string value(text.substr(equals + 1));
  if (value.find_first_not_of(" \t") == std::string::npos) {
    throw InputError({source, 1, static_cast<int>(equals) + 2}, "no value after '='");
  }
  require_text(source, /*require_utf8=*/true);
  return {std::string(text.substr(0, equals)), {source, 1, 1}, parse(source, value, equals + 1, {})};
}

}  // namespace perfmodel
