// The tests that take longer than about five seconds: npm run test:slow.
import config from './jest.config.js';

export default {
  ...config,
  testMatch: ['<rootDir>/test/**/*.slow.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
