"""A virtual machine as the kernel sees one: opens a tap device as QEMU does, and answers ARP and pings for an address.

guest.py DEVICE ADDRESS [UID]; with UID, it is this user who opens it.
"""

import fcntl
import os
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x0002, 0x1000, 0x4000
HEADER = bytes(10)  # struct virtio_net_hdr: nothing is left to do for a frame
MAC = bytes.fromhex("020000000077")


def checksum(data: bytes) -> int:
    """The sum of the Internet, RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def answer(frame: bytes, address: bytes) -> bytes:
    """What comes back for a frame, or nothing."""
    head = frame[6:12] + MAC + frame[12:14]
    if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == address:
        return head + frame[14:20] + b"\0\2" + MAC + address + frame[22:32]
    if frame[12:14] != b"\x08\x00" or frame[30:34] != address or frame[23] != 1:
        return b""
    begins = 14 + (frame[14] & 15) * 4
    length = struct.unpack("!H", frame[16:18])[0]
    icmp = frame[begins : 14 + length]
    if icmp[0] != 8:
        return b""
    echo = b"\0\0" + struct.pack("!H", checksum(b"\0\0\0\0" + icmp[4:])) + icmp[4:]
    return head + frame[14:26] + frame[30:34] + frame[26:30] + frame[34:begins] + echo


def main() -> None:
    """Answer until the device is gone."""
    device, address, *user = sys.argv[1:]
    tap = os.open("/dev/net/tun", os.O_RDWR)
    for uid in user:
        os.setuid(int(uid))
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
    sys.stdout.write("open\n")
    sys.stdout.flush()
    while True:
        back = answer(os.read(tap, 65536)[len(HEADER) :], socket.inet_aton(address))
        if back:
            os.write(tap, HEADER + back)


main()
