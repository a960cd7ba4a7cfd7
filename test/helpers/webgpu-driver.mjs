// The Vulkan driver that tests of the WebGPU provider run on: SwiftShader, which draws on the CPU and comes with Debian's chromium.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The driver's description where Debian puts it. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * `env`: what a process needs in its environment; `reason`: why there is no driver. PEZ_NODES_TEST_VULKAN_DRIVER overrides: the path of
 * another driver's description, or `system` for the machine's own graphics card.
 * @returns {{ env: Record<string, string>, reason?: string }}
 */
export function findWebgpuDriver() {
  const path = process.env.PEZ_NODES_TEST_VULKAN_DRIVER ?? SWIFTSHADER;
  if (path === 'system') return { env: {} };
  if (!existsSync(path)) return { env: {}, reason: `there is no Vulkan driver ${path} (Debian: chromium)` };
  if (process.platform === 'linux' && !hasVulkanLoader())
    return { env: {}, reason: 'there is no libvulkan.so.1 (Debian: libvulkan1)' };
  return { env: { VK_DRIVER_FILES: path } };
}

function hasVulkanLoader() {
  const folders = ['/usr/lib64', '/usr/lib', ...readdirSync('/usr/lib').map((name) => join('/usr/lib', name))];
  return folders.some((folder) => existsSync(join(folder, 'libvulkan.so.1')));
}
