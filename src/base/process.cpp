#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/interrupt.h"

extern char** environ;

namespace bascule {
namespace {

constexpr size_t kLongestLine = size_t{64} << 20;
constexpr int kPatienceMs = 100;  // between two looks at signals

/// A program that runs; it does not outlive this.
class Child {
 public:
  Child(std::vector<std::string>& words, const posix_spawn_file_actions_t* files) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    if (::posix_spawnp(&pid_, pointers[0], files, nullptr, pointers.data(), environ) != 0) pid_ = 0;
  }
  ~Child() {
    tell(SIGTERM);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void tell(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);
  }
  /// Returns whether it ran and ended with status 0.
  bool wait() {
    if (pid_ <= 0) return false;
    int status = 0;
    pid_t ended = 0;
    do {
      ended = ::waitpid(pid_, &status, 0);
    } while (ended < 0 && errno == EINTR);
    const bool well = ended == pid_ && status == 0;
    pid_ = 0;
    return well;
  }

 private:
  pid_t pid_ = 0;
};

/// The two ends of a pipe, closed with it.
struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    require(::pipe2(ends.data(), O_CLOEXEC) == 0, Kind::environment, "cannot make a pipe: {}",
            std::strerror(errno));
  }
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_writing() {
    ::close(ends[1]);
    ends[1] = -1;
  }
};

/// Gives the whole lines of `text` away, and keeps what is left of it.
void take_lines(std::string& text, const std::function<void(std::string_view)>& take) {
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    take(std::string_view(text).substr(begin, end - begin));
  text.erase(0, begin);
  require(text.size() <= kLongestLine, Kind::format, "a program wrote a line of {} bytes and more",
          text.size());
}

void read_lines(int from, const Child& child, const std::function<void(std::string_view)>& take) {
  std::array<char, 65536> buffer{};
  std::string text;
  bool told = false;
  while (true) {
    if (interrupted_by() != 0 && !told) child.tell(interrupted_by());
    told = interrupted_by() != 0;
    pollfd waiting{.fd = from, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0) continue;
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
    take_lines(text, take);
  }
  if (!text.empty()) take(text);
}

}  // namespace

bool run_program(std::vector<std::string> words) { return Child(words, nullptr).wait(); }

bool run_program(std::vector<std::string> words,
                 const std::function<void(std::string_view line)>& take) {
  Pipe pipe;
  posix_spawn_file_actions_t files{};
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, pipe.ends[1], STDOUT_FILENO);
  Child child(words, &files);
  ::posix_spawn_file_actions_destroy(&files);
  pipe.close_writing();
  read_lines(pipe.ends[0], child, take);
  return child.wait();
}

}  // namespace bascule
