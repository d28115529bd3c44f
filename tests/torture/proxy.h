// A bad network between two programs, in user space: a TCP relay on a port of its own that delays, dribbles,
// cuts, resets, swallows and freezes, from a seed. What the kernel does to packets below TCP it cannot do.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/base/random.h"
#include "platform/base/time.h"

namespace tillsync::testing {

/// Per connection, drawn when it is accepted; percentages, together at most 100.
struct ProxyFaults {
  int refused = 0;          ///< reset at once
  int swallowed = 0;        ///< accepted, and nothing is ever forwarded or answered
  int request_cut = 0;      ///< after some bytes towards the server, both sides end
  int reply_cut = 0;        ///< after some bytes of the answers
  int reply_lost = 0;       ///< the request goes through, of the answer nothing
  int cut_bytes_max = 600;  ///< where a cut falls, 0 to this
  int delay_ms_max = 0;     ///< of each piece in each direction
  bool dribble = false;     ///< pieces of at most 100 bytes
};

class Proxy {
 public:
  Proxy(std::uint16_t to_port, std::uint64_t seed);
  ~Proxy();

  std::uint16_t port() const { return port_; }
  /// For connections from here on.
  void set(ProxyFaults faults);
  /// Nothing moves in either direction, and nothing is told, until thaw(): a pulled cable.
  void freeze() { frozen_ = true; }
  void thaw() { frozen_ = false; }
  /// Resets every connection that is there.
  void reset_all() { reset_all_ = true; }
  /// What was done so far, for messages: "1042 connections: 3 refused, ...".
  std::string told() const;

 private:
  struct Link;
  void run();
  void accept_one();
  void relay(Link& link);

  const std::uint16_t to_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  SeededRandom random_;  // its thread only
  std::vector<std::unique_ptr<Link>> links_;
  mutable std::mutex mutex_;
  ProxyFaults faults_;  // guarded by mutex_
  std::atomic<bool> frozen_{false}, reset_all_{false}, stopping_{false};
  std::atomic<int> connections_{0}, refused_{0}, swallowed_{0}, cut_{0}, reset_{0};
  std::thread thread_;
};

}  // namespace tillsync::testing
