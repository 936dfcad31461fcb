#include "support/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>

#include "support/text_file.hpp"

namespace perfmodel {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Builds the tree from the parser's events. yaml-cpp's own tree drops duplicate keys and lets aliases make cycles;
// the events show both.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(SourcePtr source, std::size_t start, const YamlLimits& limits)
      : source_(std::move(source)), start_(start), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "a second document starts here, expected one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Frame& frame = open(mark, "?", anchor, YamlKind::null);
    frame.data->location = place_of_null(frame.data->location);
    close();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias inside of what it stands for");
    const Built& built = found->second;
    count(mark, built.nodes);
    check_depth(mark, built.height);
    place(built);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Frame& frame = open(mark, tag, anchor, YamlKind::scalar);
    frame.data->text = value;
    frame.data->quoted = tag == "!";
    if (frame.data->quoted) last_quote_ = {frame.data->location, offset(mark)};
    close();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, YamlKind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, YamlKind::map);
  }
  void OnMapEnd() override {
    check_duplicates(stack_.back().data->entries);
    close();
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message) {
    diagnostics_.error(location(mark), std::move(message));
    throw InputError(diagnostics_);
  }

  YamlNode finish() {
    check_last_quote();
    diagnostics_.throw_if_errors();
    if (root_.is_missing()) throw InputError(file_location(source_->name), "has no values, only comments or blanks");
    return root_;
  }

 private:
  struct Frame {
    std::shared_ptr<YamlNode::Data> data;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;
    std::size_t height = 1;
    bool has_key = false;  // of a map: the next value belongs to the last entry
  };
  struct Quote {
    Location location;
    std::size_t offset = 0;
  };
  struct Built {
    YamlNode node;
    std::size_t nodes = 1;
    std::size_t height = 1;
  };

  [[nodiscard]] Location location(const YAML::Mark& mark) const {
    if (mark.is_null()) return {source_, 0, 0};
    // yaml-cpp counts bytes.
    const std::size_t bytes = static_cast<std::size_t>(mark.column) + (mark.line == 0 ? start_ : 0);
    const std::size_t end = std::min(offset(mark), source_->text.size());
    const std::string_view before = std::string_view(source_->text).substr(end - std::min(bytes, end), bytes);
    return {source_, mark.line + 1,
            1 + static_cast<int>(before.size()) -
                static_cast<int>(std::count_if(before.begin(), before.end(), is_continuation))};
  }

  // A value left out has the place of what follows it, which may be lines away: take the key's.
  [[nodiscard]] Location place_of_null(const Location& found) const {
    if (stack_.size() < 2 || !stack_[stack_.size() - 2].has_key) return found;
    const Location& key = stack_[stack_.size() - 2].data->entries.back().key_location;
    return key.line == found.line ? found : key;
  }

  [[nodiscard]] std::size_t offset(const YAML::Mark& mark) const { return static_cast<std::size_t>(mark.pos) + start_; }

  Frame& open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlKind kind) {
    if (tag != "?" && tag != "!" && !tag.empty()) refuse(mark, fmt::format("tags such as '{}' are not read", tag));
    count(mark, 1);
    check_depth(mark, 1);
    auto data = std::make_shared<YamlNode::Data>();
    data->kind = kind;
    data->location = location(mark);
    stack_.push_back({std::move(data), anchor});
    return stack_.back();
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    const Built built{YamlNode(std::move(frame.data)), frame.nodes, frame.height};
    if (frame.anchor != 0) anchors_[frame.anchor] = built;
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

  // yaml-cpp takes the end of the text for the end of a quoted scalar. That scalar is then the last one.
  void check_last_quote() {
    const std::string_view text = source_->text;
    if (!last_quote_.location.known() || last_quote_.offset >= text.size()) return;
    const std::string_view rest = text.substr(last_quote_.offset);
    const char quote = rest[0];
    for (std::size_t at = 1; at < rest.size(); ++at) {
      const bool escaped = quote == '"' ? rest[at] == '\\' : rest.substr(at, 2) == "''";
      if (escaped) {
        ++at;
      } else if (rest[at] == quote) {
        return;
      }
    }
    diagnostics_.error(last_quote_.location, "quote is never closed");
  }

  // The sum is what a reader walking through the aliases would visit.
  void count(const YAML::Mark& mark, std::size_t nodes) {
    node_count_ += nodes;
    if (node_count_ <= limits_.max_nodes) return;
    refuse(mark, fmt::format("more than {} values, aliases counted with all that they stand for", limits_.max_nodes));
  }

  void check_depth(const YAML::Mark& mark, std::size_t height) {
    if (stack_.size() + height <= limits_.max_depth) return;
    refuse(mark, fmt::format("nested more than {} levels deep", limits_.max_depth));
  }

  SourcePtr source_;
  std::size_t start_;
  YamlLimits limits_;
  Diagnostics diagnostics_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Built> anchors_;
  Quote last_quote_;
  YamlNode root_;
  std::size_t node_count_ = 0;
  int documents_ = 0;
};

// yaml-cpp puts some faults behind the last line; the end of the text is where the reader should look.
YAML::Mark within(const std::string& text, YAML::Mark mark) {
  const auto line_ends = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  const int lines = line_ends + (text.ends_with('\n') ? 0 : 1);
  if (mark.is_null() || mark.line < lines) return mark;
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return mark;
  const std::size_t start = text.rfind('\n', end) + 1;
  mark.line = static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
  mark.column = static_cast<int>(end + 1 - start);
  mark.pos = static_cast<int>(end + 1);
  return mark;
}

// yaml-cpp's messages in the user's words; its wording also differs between versions.
std::string in_user_words(const std::string& message) {
  struct Wording {
    std::string_view theirs;
    std::string_view ours;
  };
  static constexpr std::array<Wording, 8> wordings{{
      {"end of sequence flow not found", "expected ',' or ']' in a list"},
      {"end of map flow not found", "expected ',' or '}' in a map"},
      {"end of map not found", "expected a key here, is the indentation right?"},
      {"end of sequence not found", "expected '- ' here, is the indentation right?"},
      {"illegal map value", "unexpected ':', quote the text if it belongs to it"},
      {"the referenced anchor is not defined", "no anchor of this name before this place"},
      {"unknown token", "a plain text cannot begin with this character, quote it"},
      {"illegal EOF in scalar", "quote is never closed"},
  }};
  for (const Wording& wording : wordings) {
    if (message.starts_with(wording.theirs)) return std::string(wording.ours);
  }
  return message;
}

// Parses `text`, which is `source` from its byte `start` on; that must lie in the first line.
YamlNode parse(const SourcePtr& source, const std::string& text, std::size_t start, const YamlLimits& limits) {
  TreeBuilder builder(source, start, limits);
  try {
    // Without a last line end yaml-cpp places what is missing there at the first line.
    std::istringstream stream(text.ends_with('\n') ? text : text + '\n');
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& fault) {
    builder.refuse(within(text, fault.mark), in_user_words(fault.msg));
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
