/* The limit: what a topology of bench/shape.py costs the kernel alone.
 *
 *   limit up NAMESPACES ADDRESS PORTS_OF_A_BRIDGE RULES    limit down NAMESPACES ADDRESS PORTS_OF_A_BRIDGE RULES
 *
 * One netlink socket for the host, and one in each namespace while it is set up, because a socket speaks to the
 * namespace that it was opened in; all that is to happen in one place is one message; one iptables-restore with RULES.
 * It looks at nothing, remembers nothing, and gives up at the first error. Compile with: cc -O2 -o limit bench/limit.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP 20251 /* of devices, so that all are deleted at once */

static char buffer[1 << 16];
static size_t used;
static int requests;

static void put(const void *data, size_t size) {
  memset(buffer + used, 0, NLMSG_ALIGN(size));
  memcpy(buffer + used, data, size);
  used += NLMSG_ALIGN(size);
}

static size_t begin(uint16_t type, uint16_t flags, const void *head, size_t size) {
  size_t at = used;
  struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags};
  put(&header, sizeof header);
  put(head, size);
  requests++;
  return at;
}

static void end(size_t at) { ((struct nlmsghdr *)(buffer + at))->nlmsg_len = used - at; }

static size_t open_attribute(uint16_t type) {
  size_t at = used;
  struct rtattr header = {.rta_type = type};
  put(&header, sizeof header);
  return at;
}

static void close_attribute(size_t at) { ((struct rtattr *)(buffer + at))->rta_len = used - at; }

static void attribute(uint16_t type, const void *data, size_t size) {
  size_t at = open_attribute(type);
  put(data, size);
  ((struct rtattr *)(buffer + at))->rta_len = RTA_LENGTH(size);
}

static void text(uint16_t type, const char *value) { attribute(type, value, strlen(value) + 1); }
static void byte(uint16_t type, uint8_t value) { attribute(type, &value, 1); }
static void word(uint16_t type, uint32_t value) { attribute(type, &value, 4); }

static int netlink(void) {
  int one = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) err(1, "netlink");
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  return fd;
}

/* Send what was collected, and read an answer to each request. */
static void talk(int fd) {
  char answers[1 << 14];
  if (send(fd, buffer, used, 0) < 0) err(1, "send");
  while (requests > 0) {
    int size = recv(fd, answers, sizeof answers, 0);
    if (size < 0) err(1, "recv");
    for (struct nlmsghdr *h = (void *)answers; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      int error = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
      if (error) errx(1, "netlink request: %s", strerror(error));
      requests--;
    }
  }
  used = 0;
}

static void restore(const char *rules) {
  pid_t child = fork();
  int status;
  if (child == 0) {
    execlp("iptables-restore", "iptables-restore", "-w", "--noflush", rules, (char *)NULL);
    _exit(127);
  }
  if (waitpid(child, &status, 0) < 0 || status) errx(1, "iptables-restore: status %d", status);
}

static void set(const char *key, const char *value) {
  int fd = open(key, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) err(1, "%s", key);
  close(fd);
}

static uint32_t add_bridge(int host, int number, uint32_t address) {
  char name[32], key[128];
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  snprintf(name, sizeof name, "bridge%d", number);
  size_t at = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  text(IFLA_IFNAME, name);
  size_t info = open_attribute(IFLA_LINKINFO);
  text(IFLA_INFO_KIND, "bridge");
  close_attribute(info);
  end(at);
  talk(host);
  uint32_t index = if_nametoindex(name), gateway = htonl(address + 1);
  struct ifaddrmsg place = {.ifa_family = AF_INET, .ifa_prefixlen = 22, .ifa_index = index};
  at = begin(RTM_NEWADDR, NLM_F_CREATE, &place, sizeof place);
  word(IFA_LOCAL, gateway);
  word(IFA_ADDRESS, gateway);
  end(at);
  talk(host);
  snprintf(key, sizeof key, "/proc/sys/net/ipv4/conf/%s/route_localnet", name);
  set(key, "1");
  snprintf(key, sizeof key, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  if (access(key, W_OK) == 0) set(key, "1");
  return index;
}

static void no_link_local(void) {
  size_t families = open_attribute(IFLA_AF_SPEC), six = open_attribute(AF_INET6);
  byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  close_attribute(six);
  close_attribute(families);
}

static size_t change(const char *name, int flags) {
  struct ifinfomsg link = {.ifi_flags = flags, .ifi_change = flags};
  size_t at = begin(RTM_NEWLINK, 0, &link, sizeof link);
  text(IFLA_IFNAME, name);
  return at;
}

/* Both ends where they belong; a device that is up alone could be given an address of its own. */
static void add_veth(int host, int number, uint32_t bridge, int namespace) {
  char name[32], inside[32];
  struct ifinfomsg link = {0};
  snprintf(name, sizeof name, "veth-n%d-br", number);
  snprintf(inside, sizeof inside, "veth-n%d", number);
  size_t at = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  text(IFLA_IFNAME, name);
  word(IFLA_MASTER, bridge);
  word(IFLA_GROUP, GROUP);
  size_t info = open_attribute(IFLA_LINKINFO);
  text(IFLA_INFO_KIND, "veth");
  size_t data = open_attribute(IFLA_INFO_DATA), peer = open_attribute(VETH_INFO_PEER);
  put(&link, sizeof link);
  text(IFLA_IFNAME, inside);
  word(IFLA_NET_NS_FD, namespace);
  close_attribute(peer);
  close_attribute(data);
  close_attribute(info);
  end(at);
  at = change(name, 0);
  text(IFLA_IFALIAS, "nsgen:bench");
  no_link_local();
  end(at);
  at = change(name, IFF_UP);
  info = open_attribute(IFLA_LINKINFO);
  text(IFLA_INFO_SLAVE_KIND, "bridge");
  data = open_attribute(IFLA_INFO_SLAVE_DATA);
  byte(IFLA_BRPORT_MODE, BRIDGE_MODE_HAIRPIN);
  close_attribute(data);
  close_attribute(info);
  end(at);
  talk(host);
}

static void set_up_inside(int number, uint32_t address, uint32_t gateway) {
  char name[32];
  int inside = netlink();
  snprintf(name, sizeof name, "veth-n%d", number);
  struct ifaddrmsg place = {.ifa_family = AF_INET, .ifa_prefixlen = 22, .ifa_index = if_nametoindex(name)};
  size_t at = change("lo", IFF_UP);
  text(IFLA_IFALIAS, "nsgen:bench");
  end(at);
  at = change(name, 0);
  no_link_local();
  end(at);
  end(change(name, IFF_UP));
  at = begin(RTM_NEWADDR, NLM_F_CREATE, &place, sizeof place);
  word(IFA_LOCAL, htonl(address));
  word(IFA_ADDRESS, htonl(address));
  end(at);
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
                        .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  at = begin(RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof route);
  word(RTA_GATEWAY, htonl(gateway));
  word(RTA_OIF, place.ifa_index);
  end(at);
  talk(inside);
  close(inside);
}

static void up(int number, uint32_t address, int of_a_bridge, const char *rules) {
  int host = netlink(), home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  uint32_t bridge = 0;
  mkdir("/run/netns", 0755);
  for (int i = 0; i < number; i++) {
    char path[64];
    uint32_t subnet = address + (i / of_a_bridge) * 1024;
    if (i % of_a_bridge == 0) bridge = add_bridge(host, i / of_a_bridge, subnet);
    snprintf(path, sizeof path, "/run/netns/n%d", i + 1);
    close(open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0));
    if (unshare(CLONE_NEWNET) || mount("/proc/self/ns/net", path, "none", MS_BIND, NULL)) err(1, "%s", path);
    int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (setns(home, CLONE_NEWNET)) err(1, "setns");
    add_veth(host, i + 1, bridge, namespace);
    if (setns(namespace, CLONE_NEWNET)) err(1, "setns");
    set_up_inside(i + 1, subnet + 2 + i % of_a_bridge, subnet + 1);
    if (setns(home, CLONE_NEWNET)) err(1, "setns");
    close(namespace);
  }
  restore(rules);
  set("/proc/sys/net/bridge/bridge-nf-call-iptables", "1");
  set("/proc/sys/net/ipv4/ip_forward", "1");
}

static void down(int number, int of_a_bridge, const char *rules) {
  char name[64];
  int host = netlink();
  struct ifinfomsg link = {0};
  set("/proc/sys/net/ipv4/ip_forward", "0");
  restore(rules);
  size_t at = begin(RTM_DELLINK, 0, &link, sizeof link);
  word(IFLA_GROUP, GROUP);
  end(at);
  talk(host);
  for (int i = 0; i * of_a_bridge < number; i++) {
    snprintf(name, sizeof name, "bridge%d", i);
    at = begin(RTM_DELLINK, 0, &link, sizeof link);
    text(IFLA_IFNAME, name);
    end(at);
    talk(host);
  }
  for (int i = 0; i < number; i++) {
    snprintf(name, sizeof name, "/run/netns/n%d", i + 1);
    if (umount2(name, MNT_DETACH) || unlink(name)) err(1, "%s", name);
  }
}

int main(int count, char **arguments) {
  if (count != 6) errx(2, "usage: limit up|down NAMESPACES ADDRESS PORTS_OF_A_BRIDGE RULES");
  int number = atoi(arguments[2]), of_a_bridge = atoi(arguments[4]);
  uint32_t address = ntohl(inet_addr(arguments[3]));
  if (strcmp(arguments[1], "up") == 0)
    up(number, address, of_a_bridge, arguments[5]);
  else
    down(number, of_a_bridge, arguments[5]);
  return 0;
}
