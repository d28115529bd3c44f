// What central was last seen to hold, in an SQLite file of its own (`central.db` in the journal's folder), so
// that a report can be made while central cannot be reached. It is a cache: it can always be read back again,
// losing it loses no evidence, and a file of another version or a damaged one is simply begun anew. One
// writer (the reconcile thread); readers open their own, read-only. One thread at a time per object.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/ids.h"
#include "platform/base/time.h"
#include "platform/crypto/sha256.h"
#include "reconcile/central_view/journal_place.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {

/// One row of central's list, as it is remembered: not the document itself, but what matching needs of it.
struct SeenRow {
  std::string reference;  ///< "STORE/ID"; whatever central called it where it is malformed
  std::string step;
  int occurrence = 1;  ///< 1, 2, ...: central listed the same reference and step that often
  std::string central_reference;
  std::optional<std::string> total;  ///< as central wrote it: may be no decimal
  std::optional<std::string> currency;
  std::string recorded_at;
  std::string type;  ///< document type's name; "" where central gives no document
  /// content_digest() of central's document; nothing where central gives none
  std::optional<Sha256Digest> digest;
  /// The journal's record (a document, or its amendment) that has this very content; nothing where none of
  /// the day has. Records never change: who sends that record need not compare again.
  std::optional<Sequence> same_as;
  std::string differences;  ///< encode_differences(), against what the journal sent; "" where there are none
  bool operator==(const SeenRow&) const = default;
};

/// Central's list of one target and business day was read to its end.
struct ReadBackMark {
  BusinessDay day;
  Sequence journal_sequence;  ///< the journal's head before the first page was asked for
  UtcTime read_back_at{};
  std::int64_t rows = 0;
  ListedTypes listed;  ///< what the target could list then
  bool operator==(const ReadBackMark&) const = default;
};

class CentralView {
 public:
  enum class Mode {
    kReadWrite,
    kReadOnly,  ///< never creates anything: no file, or one of another version, is an empty view
  };
  static constexpr const char* kFileName = "central.db";

  /// `folder`: the journal's; `vfs`: as for a journal. kStorage where the file cannot be opened or begun
  /// anew.
  static Result<std::unique_ptr<CentralView>> open(const std::string& folder, Mode mode,
                                                   const std::string& vfs = "");
  ~CentralView();
  bool is_writable() const;

  Result<std::optional<ReadBackMark>> mark(const std::string& target, BusinessDay day);
  /// Days of `from` to `to`, both counted in, that were ever read back, oldest first.
  Result<std::vector<ReadBackMark>> marks(const std::string& target, BusinessDay from, BusinessDay to);
  /// Rows of a day, ordered by reference, step and occurrence (bytewise).
  Result<void> for_each_row(const std::string& target, BusinessDay day,
                            const std::function<void(const SeenRow&)>& visit);
  Result<std::optional<SeenRow>> find(const std::string& target, BusinessDay day,
                                      const std::string& reference, const std::string& step, int occurrence);

  /// Rows for one target and day on their way in: one transaction. Nothing is seen by readers, and nothing
  /// old is lost, until commit(). While it lives the view does nothing else; kReadWrite only.
  class Refill {
   public:
    Refill(Refill&& other) noexcept
        : view_(std::exchange(other.view_, nullptr)), target_(std::move(other.target_)), day_(other.day_) {}
    Refill& operator=(Refill&&) = delete;
    ~Refill();
    /// In central's order; `occurrence` is counted here.
    Result<void> add(const std::vector<SeenRow>& rows);
    /// From now on this is what is known of the day. `mark.rows` is filled in here; `mark.day` is the
    /// refill's.
    Result<ReadBackMark> commit(ReadBackMark mark);

   private:
    friend class CentralView;
    Refill(CentralView& view, std::string target, BusinessDay day)
        : view_(&view), target_(std::move(target)), day_(day) {}
    CentralView* view_;
    std::string target_;
    BusinessDay day_;
    std::int64_t rows_ = 0;
  };
  Result<Refill> refill(const std::string& target, BusinessDay day);

  /// Every delivery on `target` up to here is covered by a read-back of its day; 0 at first.
  Result<Sequence> watermark(const std::string& target);
  Result<void> set_watermark(const std::string& target, Sequence sequence);
  /// Nothing where none was set.
  Result<std::optional<JournalPlace>> journal_place();
  Result<void> set_journal_place(const JournalPlace& place);
  /// Drops everything: what is known was of another journal.
  Result<void> forget_all();
  /// Drops the days of `target` that were read while it could list other types: they are to be read again.
  Result<void> forget_listed_otherwise(const std::string& target, const ListedTypes& listed);
  /// Drops days before `day`, for when the journal no longer has them.
  Result<void> forget_before(BusinessDay day);

  /// While it lives, all reads see one state of the view.
  class Snapshot {
   public:
    Snapshot(Snapshot&& other) noexcept : view_(std::exchange(other.view_, nullptr)) {}
    Snapshot& operator=(Snapshot&&) = delete;
    ~Snapshot();

   private:
    friend class CentralView;
    explicit Snapshot(CentralView* view) : view_(view) {}
    CentralView* view_;
  };
  Result<Snapshot> snapshot();

 private:
  struct Impl;
  explicit CentralView(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
