#pragma once

namespace moe::base {

// A link that a list member inherits; unlinks itself when destroyed. Tag tells several lists of one
// object apart. Not thread-safe.
template <class Tag> class ListLink {
public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }
  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ != nullptr) {
      prev_->next_ = next_;
      next_->prev_ = prev_;
      next_ = prev_ = nullptr;
    }
  }

private:
  template <class T, class U> friend class IntrusiveList;
  ListLink* prev_ = nullptr;
  ListLink* next_ = nullptr;
};

// A doubly linked list of objects that it does not own; T derives from ListLink<Tag>.
template <class T, class Tag> class IntrusiveList {
  using Link = ListLink<Tag>;

public:
  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  ~IntrusiveList() {
    while (!empty()) {
      // The analyzer does not see that freed members have unlinked themselves.
      head_.next_->unlink(); // NOLINT(clang-analyzer-cplusplus.NewDelete)
    }
    head_.next_ = head_.prev_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next_ == &head_; } // NOLINT(clang-analyzer-cplusplus.NewDelete)
  void pushBack(T& item) { insertBefore(head_, item); }
  void pushFront(T& item) { insertBefore(*head_.next_, item); }
  T& front() { return static_cast<T&>(*head_.next_); } // NOLINT(clang-analyzer-cplusplus.NewDelete)
  T& back() { return static_cast<T&>(*head_.prev_); }
  // Moves every member to `other`'s back; a safe way to walk a list that changes meanwhile.
  void spliceTo(IntrusiveList& other) {
    while (!empty()) {
      T& item = front();
      static_cast<Link&>(item).unlink();
      other.pushBack(item);
    }
  }
  // f must not unlink other members than the one it is given.
  template <class F> void forEach(F&& f) {
    for (Link* link = head_.next_; link != &head_;) {
      Link* next = link->next_;
      f(static_cast<T&>(*link));
      link = next;
    }
  }

private:
  void insertBefore(Link& position, T& item) {
    Link& link = item;
    link.unlink();
    link.prev_ = position.prev_;
    link.next_ = &position;
    position.prev_->next_ = &link;
    position.prev_ = &link;
  }
  Link head_;
};

} // namespace moe::base
